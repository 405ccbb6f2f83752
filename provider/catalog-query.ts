import type { Client, QueryResult } from "pg";
import { z } from "zod";
import { readSql } from "../sql/read";

/** A query of sql/catalog or sql/adopt with the columns of its rows. */
export interface CatalogQuery<Columns extends z.ZodRawShape = z.ZodRawShape> {
  /** Relative to sql/. */
  file: string;
  row: z.ZodObject<Columns, z.core.$strict>;
}

type Row<Columns extends z.ZodRawShape> = z.output<z.ZodObject<Columns, z.core.$strict>>;

/** A row of a query. */
export type RowOf<Query> = Query extends CatalogQuery<infer Columns> ? Row<Columns> : never;

const queriesOf =
  (folder: string) =>
  <Columns extends z.ZodRawShape>(name: string, columns: Columns): CatalogQuery<Columns> => ({
    file: `${folder}/${name}.sql`,
    row: z.strictObject(columns),
  });

/** Declares the columns that a file of sql/catalog returns, no more and no fewer. A column that can be null is `nullable`. */
export const catalogQuery = queriesOf("catalog");
/** The same for a file of sql/adopt. */
export const adoptQuery = queriesOf("adopt");

/** A column of JSON that pgwright has written before: its type is declared, not checked, since an earlier version may have written it. */
export const storedJson = <T>() => z.custom<T>((value) => value !== undefined);

/** Runs a query of a file, and checks its rows. */
export async function readRows<Columns extends z.ZodRawShape>(
  client: Client,
  query: CatalogQuery<Columns>,
  ...parameters: unknown[]
): Promise<Row<Columns>[]> {
  return checkRows(query, await run(client, readSql(query.file), parameters));
}

/** Runs a short query, and checks its rows. Of several statements, one returns rows. */
export async function rowsOf<Columns extends z.ZodRawShape>(
  client: Client,
  columns: Columns,
  sql: string,
  parameters: unknown[] = [],
): Promise<Row<Columns>[]> {
  return check(
    `query for ${Object.keys(columns).join(", ")}`,
    z.strictObject(columns),
    await run(client, sql, parameters),
  );
}

/** Throws if a row has other columns or types than declared. */
export function checkRows<Columns extends z.ZodRawShape>(
  { file, row }: CatalogQuery<Columns>,
  rows: unknown,
): Row<Columns>[] {
  return check(`sql/${file}`, row, rows);
}

/** The result of several statements is an array, which the types of node-postgres do not say. */
async function run(client: Client, sql: string, parameters: unknown[]): Promise<unknown> {
  const results: QueryResult | QueryResult[] = await client.query(sql, parameters);
  return [results].flat().flatMap(({ rows }) => rows);
}

/** The message has neither values nor the text of a query, which may be secrets. */
function check<Columns extends z.ZodRawShape>(
  query: string,
  row: z.ZodObject<Columns, z.core.$strict>,
  rows: unknown,
): Row<Columns>[] {
  const { data, error } = z.array(row).safeParse(rows);
  if (data) return data as Row<Columns>[];
  const problems = error.issues.map(({ path, message }) => {
    const [, ...column] = path;
    return `${column.length > 0 ? `column ${column.join(".")}: ` : ""}${message}`;
  });
  throw new Error(`${query}: ${[...new Set(problems)].join("; ")}; this is a bug of pgwright, please report it`);
}
