import { parseSync } from "libpg-query";
import { escapeIdentifier as quoted } from "pg";
import type { Node } from "../../../sql-file";
import type { Directive } from "./directive";
import { nameOf, node, type Relation } from "./tree";

// Pure: an UPDATE or DELETE that runs in batches, each a range of blocks of its table.

/** A statement that can run in batches. */
export interface Batch extends Directive {
  verb: "UPDATE" | "DELETE";
  /** The table, quoted as in SQL. */
  on: string;
  /** ONLY: without partitions and children. */
  only: boolean;
  /** The name of the table in the expressions of the statement. */
  alias: string;
  /** The text before WHERE, and the text after it. */
  head: string;
  condition: string;
}

interface Change {
  relation: Relation & { inh?: boolean; alias?: { aliasname: string } };
  whereClause?: Node;
  withClause?: unknown;
  returningList?: unknown;
}

const ALLOWED = "pgwright:batch needs an UPDATE or DELETE of one table with a WHERE";

/** Says why a statement cannot run in batches. */
function refusal(tree: Node, transaction: boolean): string | undefined {
  const change = node<Change>(tree, "UpdateStmt") ?? node<Change>(tree, "DeleteStmt");
  if (!change) return `${ALLOWED}; this statement is neither`;
  if (transaction)
    return "pgwright:batch commits each batch; write transaction:false beside the -- migrate: line of its section";
  if (change.withClause) return `${ALLOWED}, without WITH: write it as a subquery`;
  if (change.returningList) return `${ALLOWED}, without RETURNING`;
  if (!change.relation.schemaname) return `${ALLOWED}, with its schema: schema.${change.relation.relname}`;
  if (!change.whereClause)
    return `${ALLOWED}; add a condition that is false for changed rows, such as WHERE new_column IS NULL`;
  if (change.whereClause.CurrentOfExpr) return `${ALLOWED}, without CURRENT OF`;
  return undefined;
}

/** Condition for the blocks from `from` (inclusive) to `to` (exclusive). */
const within = (alias: string, from: number, to: number) =>
  `${alias}.ctid >= '(${from},0)'::pg_catalog.tid AND ${alias}.ctid < '(${to},0)'::pg_catalog.tid`;

// The line end closes a comment at the end of the condition.
const limited = ({ head, condition, alias }: Batch, from: number, to: number) =>
  `${head}WHERE ${within(alias, from, to)} AND (${condition}\n)`;

/** A parse tree without the positions in the text. */
function withoutLocations(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(withoutLocations);
  if (typeof tree !== "object" || tree === null) return tree;
  const entries = Object.entries(tree).filter(([key]) => !/^(location|rexpr_list_start|rexpr_list_end)$/.test(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, withoutLocations(value)]));
}

const treeOf = (sql: string) => (parseSync(sql) as { stmts: { stmt: Node }[] }).stmts.map(({ stmt }) => stmt);

/** Whether `sql` is exactly the statement of `tree` with the block range added before its own condition. */
function isLimited(sql: string, tree: Node, alias: string): boolean {
  try {
    const [limits] = treeOf(`SELECT WHERE ${within(alias, 0, 1)}`);
    const { args } = (limits as { SelectStmt: { whereClause: { BoolExpr: { args: Node[] } } } }).SelectStmt.whereClause
      .BoolExpr;
    const [type, change] = Object.entries(tree)[0] as [string, Change];
    const whereClause = { BoolExpr: { boolop: "AND_EXPR", args: [...args, change.whereClause] } };
    return (
      JSON.stringify(withoutLocations(treeOf(sql))) ===
      JSON.stringify(withoutLocations([{ [type]: { ...change, whereClause } }]))
    );
  } catch {
    return false; // `sql` is not valid
  }
}

/**
 * The batch of a statement; a text says why it cannot run in batches. The parser gives no position of WHERE. So each occurrence of
 * the word is tried, and the right one is that whose result PostgreSQL parses as intended.
 */
export function batchOf(sql: string, tree: Node, directive: Directive, transaction: boolean): Batch | string {
  const problem = refusal(tree, transaction);
  if (problem) return problem;
  const { relation } = Object.values(tree)[0] as Change;
  const base = {
    ...directive,
    verb: tree.UpdateStmt ? "UPDATE" : "DELETE",
    on: nameOf(relation),
    only: !relation.inh,
    alias: quoted(relation.alias?.aliasname ?? relation.relname),
  } as const;
  for (const { index } of sql.matchAll(/\bwhere\b/gi)) {
    const batch: Batch = { ...base, head: sql.slice(0, index), condition: sql.slice(index + "where".length) };
    if (isLimited(limited(batch, 0, 1), tree, base.alias)) return batch;
  }
  return `${ALLOWED}; the WHERE of this statement was not found`;
}

const WITH = "WITH done AS (";

/**
 * A query that runs the statement on a range of blocks. It returns the number of changed rows, and how many of them still meet the
 * condition: with such rows a backfill would never end.
 */
export function batchStatement(batch: Batch, from: number, to: number): string {
  const again = batch.verb === "UPDATE" ? `(${batch.condition}\n)` : "false";
  return `${WITH}${limited(batch, from, to)} RETURNING ${again} AS again)
    SELECT count(*)::int AS rows, (count(*) FILTER (WHERE again))::int AS again FROM done`;
}

const characters = (text: string) => Array.from(text).length;

/** Maps a position in the query of a batch to one in the statement, in characters from 1. */
export function positionIn({ head, condition }: Batch, query: string, position: number): number | undefined {
  const at = position - WITH.length;
  const whole = characters(head);
  if (at <= whole) return Math.max(at, 1);
  const behind = at - characters(query.slice(WITH.length, query.indexOf(condition, WITH.length + head.length)));
  const inCondition = behind > 0 && behind <= characters(condition);
  return whole + "where".length + (inCondition ? behind : 0);
}
