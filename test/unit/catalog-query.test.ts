import { loadModule, parseSync } from "libpg-query";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import * as status from "../../cli/commands/status";
import * as undeclared from "../../cli/undeclared";
import { catalogQuery, checkRows, type CatalogQuery } from "../../provider/catalog-query";
import * as connection from "../../provider/connection";
import * as facts from "../../provider/kinds/access/facts";
import * as reconcile from "../../provider/kinds/access/reconcile";
import * as removals from "../../provider/kinds/access/removals";
import * as cronRuns from "../../provider/kinds/cron-runs";
import * as copy from "../../provider/kinds/database/copy";
import * as inventory from "../../provider/kinds/inventory";
import * as library from "../../provider/kinds/library";
import * as backfill from "../../provider/kinds/migrations/backfill";
import * as catalog from "../../provider/kinds/migrations/catalog";
import * as concurrently from "../../provider/kinds/migrations/concurrently";
import * as foreignLedger from "../../provider/kinds/migrations/foreign-ledger";
import * as ledger from "../../provider/kinds/migrations/ledger";
import * as searchPath from "../../provider/kinds/migrations/search-path";
import * as roles from "../../provider/kinds/role";
import * as role from "../../provider/kinds/role/changes";
import * as server from "../../provider/kinds/server";
import * as tieredTable from "../../provider/kinds/tiered-table";
import * as vectorIndex from "../../provider/kinds/vector-index/catalog";
import * as runRole from "../../provider/run-role";
import { readSql } from "../../sql/read";

const ROOT = join(__dirname, "..", "..");
const MODULES: object[] = [
  ...[
    status,
    undeclared,
    connection,
    facts,
    reconcile,
    removals,
    cronRuns,
    copy,
    inventory,
    library,
    backfill,
    catalog,
  ],
  ...[concurrently, foreignLedger, ledger, searchPath, roles, role, server, tieredTable, vectorIndex, runRole],
];
const isQuery = (value: unknown): value is CatalogQuery => value instanceof Object && "file" in value && "row" in value;
const QUERIES = MODULES.flatMap((module) => Object.values(module).filter(isQuery));

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

describe("queries of sql/catalog", () => {
  it("are all declared with their columns", () => {
    const files = readdirSync(join(ROOT, "sql", "catalog")).map((file) => `catalog/${file}`);
    const declared = [...QUERIES.map(({ file }) => file), ...STATEMENTS.map((name) => `catalog/${name}.sql`)];
    expect(declared.sort()).toEqual(files.sort());
  });

  it.each(QUERIES.map((query) => [query.file, query] as const))("%s returns the declared columns", (file, { row }) => {
    expect(columnsOf(readSql(file)).sort()).toEqual(Object.keys(row.shape).sort());
  });

  it("are read with a check of their rows only", () => {
    const folders = ["provider", "cli"].map((folder) => join(ROOT, folder));
    const casts = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .filter((file) => /query<[^(]*>\(\s*readSql\(/.test(readFileSync(join(folder, file), "utf8"))),
    );
    expect(casts).toEqual([]);
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
