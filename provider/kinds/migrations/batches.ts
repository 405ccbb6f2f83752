import { parseSync } from "libpg-query";
import { escapeIdentifier as quoted } from "pg";
import type { Node } from "../../sql-file";
import type { Directive } from "./directive";
import { nameOf, node, type Relation } from "./tree";

// Pure: an UPDATE or DELETE that is run in pieces, ranges of blocks of its table.

/** A statement that can be run in pieces. */
export interface Batch extends Directive {
  verb: "UPDATE" | "DELETE";
  /** The table, as SQL names it. */
  on: string;
  /** Without partitions and children. */
  only: boolean;
  /** The table as the statement's own expressions name it. */
  alias: string;
  /** What stands before WHERE, and what behind. */
  head: string;
  condition: string;
}

interface Change {
  relation: Relation & { inh?: boolean; alias?: { aliasname: string } };
  whereClause?: Node;
  withClause?: unknown;
  returningList?: unknown;
}

const ALLOWED = "pgwright:batch takes an UPDATE or DELETE of one table with a WHERE";

/** Says why a statement cannot be run in pieces. */
function refusal(tree: Node, transaction: boolean): string | undefined {
  const change = node<Change>(tree, "UpdateStmt") ?? node<Change>(tree, "DeleteStmt");
  if (!change) return `${ALLOWED}; this is neither`;
  if (transaction)
    return "pgwright:batch commits each piece: write transaction:false beside the -- migrate: line of its section";
  if (change.withClause) return `${ALLOWED}, without WITH: write it as a subquery`;
  if (change.returningList) return `${ALLOWED}, without RETURNING`;
  if (!change.relation.schemaname) return `${ALLOWED}, with its schema: schema.${change.relation.relname}`;
  if (!change.whereClause)
    return `${ALLOWED}; without one nobody could tell which rows are done: add such as WHERE new_column IS NULL`;
  if (change.whereClause.CurrentOfExpr) return `${ALLOWED}, without CURRENT OF`;
  return undefined;
}

/** Of the blocks from `from` up to, and without, `to`. */
const within = (alias: string, from: number, to: number) =>
  `${alias}.ctid >= '(${from},0)'::pg_catalog.tid AND ${alias}.ctid < '(${to},0)'::pg_catalog.tid`;

// The line end is for a comment that ends the condition.
const limited = ({ head, condition, alias }: Batch, from: number, to: number) =>
  `${head}WHERE ${within(alias, from, to)} AND (${condition}\n)`;

/** A tree without what tells where its parts were written. */
function bare(tree: unknown): unknown {
  if (Array.isArray(tree)) return tree.map(bare);
  if (typeof tree !== "object" || tree === null) return tree;
  const entries = Object.entries(tree).filter(([key]) => !/^(location|rexpr_list_start|rexpr_list_end)$/.test(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, bare(value)]));
}

const treeOf = (sql: string) => (parseSync(sql) as { stmts: { stmt: Node }[] }).stmts.map(({ stmt }) => stmt);

/** Whether `sql` is the statement of `tree`, with the limits of a piece before its own condition, and nothing else. */
function isLimited(sql: string, tree: Node, alias: string): boolean {
  try {
    const [limits] = treeOf(`SELECT WHERE ${within(alias, 0, 1)}`);
    const { args } = (limits as { SelectStmt: { whereClause: { BoolExpr: { args: Node[] } } } }).SelectStmt.whereClause
      .BoolExpr;
    const [type, change] = Object.entries(tree)[0] as [string, Change];
    const whereClause = { BoolExpr: { boolop: "AND_EXPR", args: [...args, change.whereClause] } };
    return JSON.stringify(bare(treeOf(sql))) === JSON.stringify(bare([{ [type]: { ...change, whereClause } }]));
  } catch {
    return false; // no SQL
  }
}

/**
 * The parts of a statement that is to be run in pieces; a text: why it cannot. The parser tells no place for WHERE: of all
 * words that could be it, the one is right with which PostgreSQL reads what is meant.
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
  return `${ALLOWED}; the one of this statement is not found`;
}

const WITH = "WITH done AS (";

/**
 * A query that runs the statement over blocks, and tells how many rows it has changed, and how many of them still meet the
 * condition as they are now: a backfill that leaves such rows would never end.
 */
export function batchStatement(batch: Batch, from: number, to: number): string {
  const again = batch.verb === "UPDATE" ? `(${batch.condition}\n)` : "false";
  return `${WITH}${limited(batch, from, to)} RETURNING ${again} AS again)
    SELECT count(*)::int AS rows, (count(*) FILTER (WHERE again))::int AS again FROM done`;
}

const characters = (text: string) => Array.from(text).length;

/** The place in the statement, in characters from 1, of one in the query of a piece; undefined where it has none. */
export function placeIn({ head, condition }: Batch, piece: string, place: number): number | undefined {
  const at = place - WITH.length;
  const whole = characters(head);
  if (at <= whole) return Math.max(at, 1);
  const behind = at - characters(piece.slice(WITH.length, piece.indexOf(condition, WITH.length + head.length)));
  const inCondition = behind > 0 && behind <= characters(condition);
  return whole + "where".length + (inCondition ? behind : 0);
}
