import type { Client } from "pg";
import { z } from "zod";
import { readSql } from "../sql/read";

/** A query of sql/catalog with the columns of its rows. */
export interface CatalogQuery<Columns extends z.ZodRawShape = z.ZodRawShape> {
  /** Relative to sql/. */
  file: string;
  row: z.ZodObject<Columns, z.core.$strict>;
}

/** A row of a query. */
export type RowOf<Query> =
  Query extends CatalogQuery<infer Columns> ? z.output<z.ZodObject<Columns, z.core.$strict>> : never;

/** Declares the columns that a file of sql/catalog returns, no more and no fewer. A column that can be null is `nullable`. */
export const catalogQuery = <Columns extends z.ZodRawShape>(name: string, columns: Columns): CatalogQuery<Columns> => ({
  file: `catalog/${name}.sql`,
  row: z.strictObject(columns),
});

/** A column of JSON that pgwright has written before: its type is declared, not checked, since an earlier version may have written it. */
export const storedJson = <T>() => z.custom<T>((value) => value !== undefined);

/** Runs a query, and checks its rows. */
export async function readRows<Columns extends z.ZodRawShape>(
  client: Client,
  query: CatalogQuery<Columns>,
  ...parameters: unknown[]
): Promise<RowOf<CatalogQuery<Columns>>[]> {
  const { rows } = await client.query(readSql(query.file), parameters);
  return checkRows(query, rows);
}

/** Throws if a row has other columns or types than declared. The message has no values, which may be secrets. */
export function checkRows<Columns extends z.ZodRawShape>(
  { file, row }: CatalogQuery<Columns>,
  rows: unknown[],
): RowOf<CatalogQuery<Columns>>[] {
  const { data, error } = z.array(row).safeParse(rows);
  if (data) return data as RowOf<CatalogQuery<Columns>>[];
  const problems = error.issues.map(({ path, message }) => {
    const [, ...column] = path;
    return `${column.length > 0 ? `column ${column.join(".")}: ` : ""}${message}`;
  });
  throw new Error(`sql/${file}: ${[...new Set(problems)].join("; ")}; this is a bug of pgwright, please report it`);
}
