import { parseSync } from "libpg-query";
import type { Node } from "../../../sql-file";
import type { Catalog, Table } from "./catalog";
import type { Work } from "../statements/statement-operations";
import { recipeFor } from "../statements/recipes";
import { notNullIn } from "../statements/tree";
import { rewritesForType, type Answer } from "./type-change";

// Pure: the cost of the work under a lock, by the facts of the catalog about the table.

/** Work on all rows. */
export type Cost = "rewrite" | "scan" | "index" | "fill";

/** Each cost, and whether it is certain. */
export type Costs = Partial<Record<Cost, "yes" | "maybe">>;

const COST_TEXTS: Record<Cost, { yes: string; maybe: string }> = {
  rewrite: { yes: "rewrites the table", maybe: "may rewrite the table" },
  index: { yes: "builds an index", maybe: "may build an index" },
  scan: { yes: "scans the table", maybe: "may scan the table" },
  fill: { yes: "refreshes the materialized view", maybe: "may refresh the materialized view" },
};

export function describeCosts(costs: Costs): string[] {
  return (Object.keys(COST_TEXTS) as Cost[]).flatMap((cost) => {
    const answer = costs[cost];
    return answer ? [COST_TEXTS[cost][answer]] : [];
  });
}

/** Columns that a valid CHECK proves not null. */
function provenNotNull({ checks }: Table): string[] {
  return checks.filter(({ valid }) => valid).flatMap(({ expression }) => notNullIn(parseExpression(expression)));
}

function parseExpression(text: string): Node | undefined {
  const { stmts } = parseSync(`SELECT ${text}`) as { stmts: { stmt: { SelectStmt: { targetList: Target[] } } }[] };
  return stmts[0]?.stmt.SelectStmt.targetList[0]?.ResTarget.val;
}

interface Target {
  ResTarget: { val: Node };
}

/** Whether any of these functions is volatile. Otherwise all rows get one value, which PostgreSQL stores once in the catalog. */
function isVolatile(functions: string[][], catalog: Catalog): Answer {
  const found = functions.map((parts) => catalog.functions[JSON.stringify(parts)] ?? ["unknown"]);
  if (found.some((all) => all.every((each) => each === "v"))) return "yes";
  return found.every((all) => all.every((each) => each === "i" || each === "s")) ? "no" : "maybe";
}

function ofColumn({ type, functions, filled }: Work & { does: "add" }, catalog: Catalog): Costs {
  // A constraint of a domain is checked in each row.
  const known = type === undefined ? undefined : catalog.types[type];
  if (known?.checked) return { rewrite: "yes" };
  const answer = filled ? isVolatile(functions, catalog) : "no";
  const rewrite = answer === "no" && !known ? "maybe" : answer;
  return rewrite === "no" ? {} : { rewrite };
}

function ofType({ column, type, plain }: Work & { does: "retype" }, table: Table, catalog: Catalog): Costs {
  const found = table.columns[column];
  const answer = rewritesForType(found, type === undefined ? undefined : catalog.types[type], catalog);
  // Whether an expression in USING evaluates to the column itself is not known here.
  const rewrite = plain || answer === "yes" ? answer : "maybe";
  if (rewrite !== "no") return { rewrite };
  return found?.checked ? { scan: "yes" } : {};
}

/** A table that becomes a partition is scanned, unless a CHECK proves that its rows are within the bounds. */
function ofPartition({ checks }: Table): Costs {
  return { scan: checks.some(({ valid }) => valid) ? "maybe" : "yes" };
}

function costOf(work: Work, table: Table, catalog: Catalog): Costs {
  switch (work.does) {
    case "may scan":
      return { scan: "maybe" };
    case "add":
      return ofColumn(work, catalog);
    case "retype":
      return ofType(work, table, catalog);
    case "not null": {
      const isProven = table.columns[work.column]?.notNull || provenNotNull(table).includes(work.column);
      return isProven ? {} : { scan: "yes" };
    }
    case "move":
      return work.tablespace === table.tablespace ? {} : { rewrite: "yes" };
    case "method":
      if (work.method === "") return { rewrite: "maybe" }; // the default one
      return work.method === table.method ? {} : { rewrite: "yes" };
    case "log":
      return work.logged === table.logged ? {} : { rewrite: "yes" };
    case "attach":
      return ofPartition(table);
    default:
      return { [work.does]: "yes" };
  }
}

/** The costs of all work of one statement; a certain cost wins. A rewrite, or an index build, includes a scan. */
export function costsOf(works: Work[], table: Table, catalog: Catalog): Costs {
  const all: Costs = {};
  for (const work of works) {
    for (const [cost, answer] of Object.entries(costOf(work, table, catalog)) as [Cost, "yes" | "maybe"][])
      all[cost] = all[cost] === "yes" ? "yes" : answer;
  }
  if (all.rewrite === "yes" || all.index === "yes") delete all.scan;
  return all;
}

/** Alternatives to the work that takes long under the lock. */
export function recipesOf(works: Work[], table: Table, catalog: Catalog): string[] {
  const long = works.filter((work) => Object.keys(costOf(work, table, catalog)).length > 0);
  const found = long.flatMap(({ instead }) => (instead && recipeFor(instead, table.kind)) ?? []);
  return [...new Set(found)];
}
