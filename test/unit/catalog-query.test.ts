import { loadModule, parseSync } from "libpg-query";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { catalogQuery, checkRows, rowsOf, type CatalogQuery } from "../../provider/catalog-query";
import { readSql } from "../../sql/read";

const ROOT = join(__dirname, "..", "..");
/** The files that declare a query. */
const MODULES = ["adopt", "cli", "provider"]
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) => join(ROOT, folder, file)),
  )
  .filter(
    (file) => file.endsWith(".ts") && /^export const \w+ = (catalog|adopt)Query\(/m.test(readFileSync(file, "utf8")),
  );
const isQuery = (value: unknown): value is CatalogQuery => value instanceof Object && "file" in value && "row" in value;

/** Files without rows that pgwright reads. */
const STATEMENTS = ["configuration-check", "libraries", "migrations-ledger"];

interface Select {
  larg?: Select;
  targetList?: { ResTarget: { name?: string; val: { ColumnRef?: { fields: { String?: { sval: string } }[] } } } }[];
}

/** The columns of a query, in its first branch. */
function columnsOf(text: string): string[] {
  const { stmts } = parseSync(text) as { stmts: { stmt: { SelectStmt: Select } }[] };
  let select = stmts[0]?.stmt.SelectStmt as Select;
  while (select.larg) select = select.larg;
  return (select.targetList ?? []).map(({ ResTarget: { name, val } }) => {
    const column = name ?? val.ColumnRef?.fields.at(-1)?.String?.sval;
    if (column === undefined) throw new Error("a column has no name");
    return column;
  });
}

beforeAll(loadModule);

describe("queries of sql/catalog and sql/adopt", async () => {
  const modules = await Promise.all(MODULES.map((file) => import(file) as Promise<object>));
  const queries = modules.flatMap((module) => Object.values(module).filter(isQuery));

  it("are all declared with their columns", () => {
    const files = ["catalog", "adopt"].flatMap((folder) =>
      readdirSync(join(ROOT, "sql", folder)).map((file) => `${folder}/${file}`),
    );
    const declared = [...queries.map(({ file }) => file), ...STATEMENTS.map((name) => `catalog/${name}.sql`)];
    expect(declared.sort()).toEqual(files.sort());
  });

  it.each(queries.map((query) => [query.file, query] as const))("%s returns the declared columns", (file, { row }) => {
    expect(columnsOf(readSql(file)).sort()).toEqual(Object.keys(row.shape).sort());
  });
});

describe("a row that is not as declared", () => {
  const query = catalogQuery("x", {
    name: z.string(),
    secret: z.string(),
    list: z.array(z.strictObject({ n: z.number() })),
  });
  const row = { name: "a", secret: "s", list: [] };

  it.each<[object, string]>([
    [{ name: null }, "column name: Invalid input: expected string, received null"],
    [{ list: [{ n: "1" }] }, "column list.0.n: Invalid input: expected number, received string"],
    [{ secret: undefined }, "column secret: Invalid input: expected string, received undefined"],
    [{ other: 1 }, 'Unrecognized key: "other"'],
  ])("%o is an error that names file and column, and no value", (changed, problem) => {
    expect(() => checkRows(query, [row, { ...row, ...changed }, { ...row, ...changed }])).toThrow(
      new Error(`sql/catalog/x.sql: ${problem}; this is a bug of pgwright, please report it`),
    );
  });

  it("is none if all columns are right", () => expect(checkRows(query, [row])).toEqual([row]));
});

describe("a query in TypeScript", () => {
  const asked: unknown[][] = [];
  const clientWith = (result: unknown) =>
    ({ query: async (...question: unknown[]) => (asked.push(question), result) }) as unknown as Client;
  const columns = { name: z.string(), number: z.number() };
  const row = { name: "a", number: 1 };

  it("returns its rows, which are those of any of several statements", async () => {
    expect(await rowsOf(clientWith({ rows: [row] }), columns, "SELECT $1", ["a"])).toEqual([row]);
    expect(asked).toEqual([["SELECT $1", ["a"]]]);
    const results = [{ rows: [] }, { rows: [row] }, { rows: [] }];
    expect(await rowsOf(clientWith(results), columns, "BEGIN; SELECT; COMMIT")).toEqual([row]);
  });

  it("names the columns in the error about a row that is not as declared, and neither query nor value", async () => {
    const secret = rowsOf(clientWith({ rows: [{ name: "secret", number: "1" }] }), columns, "SELECT 'secret'");
    await expect(secret).rejects.toThrow(
      new Error(
        "query for name, number: column number: Invalid input: expected number, received string; this is a bug of pgwright, please report it",
      ),
    );
  });
});
