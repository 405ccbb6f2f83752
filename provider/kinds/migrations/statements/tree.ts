import { quoteIdentifier, quoteObjectName } from "../../../../config/object-name";
import type { Node } from "../../../sql-file";

// Pure: access to PostgreSQL's parse trees, as libpg-query returns them.

export interface Relation {
  schemaname?: string;
  relname: string;
}

export interface TypeName {
  names: StringNode[];
  typmods?: { A_Const?: { ival?: { ival?: number } } }[];
  arrayBounds?: unknown[];
}

export interface StringNode {
  String: { sval: string };
}

export interface Constraint {
  contype: string;
  conname?: string;
  indexname?: string;
  skip_validation?: boolean;
  raw_expr?: Node;
  pktable?: Relation;
}

export interface ColumnDef {
  colname?: string;
  typeName?: TypeName;
  constraints?: { Constraint: Constraint }[];
  /** The expression of USING. */
  raw_default?: Node;
}

export interface Command {
  subtype: string;
  name?: string;
  def?: {
    PartitionCmd?: { name: Relation; concurrent?: boolean };
    Constraint?: Constraint;
    ColumnDef?: ColumnDef;
  };
}

export function node<T>(stmt: Node, type: string): T | undefined {
  return stmt[type] as T | undefined;
}

/** The name of a relation, quoted as in SQL. */
export const nameOf = ({ schemaname, relname }: Relation) =>
  schemaname ? quoteObjectName({ schema: schemaname, name: relname }) : quoteIdentifier(relname);

export const textsOf = (list: StringNode[] = []) => list.map(({ String: { sval } }) => sval);

/** A name of several parts, quoted as in SQL. */
export const joined = (parts: string[]) => parts.map(quoteIdentifier).join(".");

/** The commands of an ALTER TABLE. */
export function commandsOf(stmt: Node): Command[] {
  const alter = node<{ cmds?: { AlterTableCmd: Command }[] }>(stmt, "AlterTableStmt");
  return (alter?.cmds ?? []).map(({ AlterTableCmd }) => AlterTableCmd);
}

/** A type as in SQL; undefined if the parse tree has not enough of it (fields of an interval). */
export function typeText({ names, typmods = [], arrayBounds = [] }: TypeName): string | undefined {
  const parts = textsOf(names);
  const numbers = typmods.map(({ A_Const }) => (A_Const?.ival ? (A_Const.ival.ival ?? 0) : undefined));
  if (numbers.includes(undefined) || (parts.includes("interval") && numbers.length > 0)) return undefined;
  return joined(parts) + (numbers.length > 0 ? `(${numbers.join(",")})` : "") + "[]".repeat(arrayBounds.length);
}

/** All nodes of a type anywhere in an expression. */
export function nodesIn<T>(tree: unknown, type: string): T[] {
  if (typeof tree !== "object" || tree === null) return [];
  if (Array.isArray(tree)) return tree.flatMap((each) => nodesIn<T>(each, type));
  return Object.entries(tree).flatMap(([key, value]) => [
    ...(key === type ? [value as T] : []),
    ...nodesIn<T>(value, type),
  ]);
}

/** The column, if an expression is only a reference to one. */
export function columnIn(expression: Node | undefined): string | undefined {
  const { fields = [] } = node<{ fields?: Partial<StringNode>[] }>(expression ?? {}, "ColumnRef") ?? {};
  return fields.length === 1 ? fields[0]?.String?.sval : undefined;
}

/** Columns that an expression proves not null. */
export function notNullIn(expression: Node | undefined): string[] {
  const and = node<{ boolop: string; args: Node[] }>(expression ?? {}, "BoolExpr");
  if (and?.boolop === "AND_EXPR") return and.args.flatMap(notNullIn);
  const test = node<{ arg: Node; nulltesttype: string }>(expression ?? {}, "NullTest");
  const column = test?.nulltesttype === "IS_NOT_NULL" ? columnIn(test.arg) : undefined;
  return column === undefined ? [] : [column];
}

/** Columns that an expression compares with a constant by =. */
export function equalIn(expression: Node | undefined): string[] {
  const and = node<{ boolop: string; args: Node[] }>(expression ?? {}, "BoolExpr");
  if (and?.boolop === "AND_EXPR") return and.args.flatMap(equalIn);
  const test = node<{ kind: string; name: StringNode[]; lexpr: Node; rexpr: Node }>(expression ?? {}, "A_Expr");
  if (test?.kind !== "AEXPR_OP" || textsOf(test.name).join() !== "=") return [];
  const sides = [test.lexpr, test.rexpr];
  const constant = sides.some((side) => side.A_Const ?? side.TypeCast);
  return constant ? sides.flatMap((side) => columnIn(side) ?? []) : [];
}
