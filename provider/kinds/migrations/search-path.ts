import type { Client, DatabaseError } from "pg";
import { readSql } from "../../../sql/read";
import type { StatementOperation, Work } from "./statement-operations";
import type { Statement } from "./file";
import { node, nodesIn, textsOf, type StringNode } from "./tree";

// Names without a schema: what they mean by migrations.searchPath.

// invalid_schema_name; undefined_table, undefined_object, undefined_function
const NOWHERE = "3F000";
const NOT_FOUND = ["42P01", "42704", "42883"];

/** What to do where a name without a schema was looked up nowhere. */
export function unqualifiedHint({ code = "", message }: DatabaseError, searchPath: string[]): string[] {
  if (searchPath.length > 0) return [];
  const unqualified = NOT_FOUND.includes(code) && /^\w+ "[^".]+" does not exist|^function [^.(]+\(/.test(message);
  return code === NOWHERE || unqualified
    ? [
        "migrations run with an empty search_path: write the name with its schema, or declare migrations.searchPath, such as [public]",
      ]
    : [];
}

/** Says that a statement sets a search_path itself, and names mean something else from there on. */
export function setsSearchPath({ tree }: Statement): boolean {
  const set = node<{ name?: string; kind: string }>(tree, "VariableSetStmt");
  if (set) return set.kind === "VAR_RESET_ALL" || set.name?.toLowerCase() === "search_path";
  return nodesIn<{ funcname: StringNode[] }>(tree, "FuncCall").some(
    ({ funcname }) => textsOf(funcname).at(-1) === "set_config",
  );
}

/** A name as SQL writes it that has no schema. */
const isUnqualified = (name: string) => !/^("([^"]|"")*"|[^".]*)\./.test(name);

type Kind = "relation" | "type" | "function";
type Resolved = Record<Kind, Map<string, string>>;

export type Qualify = (operation: StatementOperation) => StatementOperation;

/** Names the schema of what operations name without one, as a session with this search_path would find it. What is not there stays. */
export async function readSchemas(
  client: Client,
  operations: StatementOperation[],
  searchPath: string[],
): Promise<Qualify> {
  const works = operations.flatMap((operation) => (operation.kind === "lock" ? operation.work : []));
  const names = [
    operations.flatMap((operation) => ("on" in operation ? [operation.on] : [])),
    works.flatMap((work) => ("type" in work && work.type !== undefined ? [work.type] : [])),
    works
      .flatMap((work) => (work.does === "add" ? work.functions : []))
      .flatMap((parts) => parts.slice(parts.length - 1)),
  ].map((list) => [...new Set(list.filter(isUnqualified))]);
  if (searchPath.length === 0 || names.every((list) => list.length === 0)) return (operation) => operation;
  await client.query("SET search_path = ''");
  const { rows } = await client.query<{ kind: Kind; written: string; schema: string; resolved: string }>(
    readSql("catalog/unqualified-names.sql"),
    [...names, searchPath],
  );
  const of = (kind: Kind, what: "schema" | "resolved") =>
    new Map(rows.flatMap((row) => (row.kind === kind ? [[row.written, row[what]] as const] : [])));
  const found: Resolved = {
    relation: of("relation", "resolved"),
    type: of("type", "resolved"),
    function: of("function", "schema"),
  };
  return (operation) => qualified(operation, found);
}

function qualified(operation: StatementOperation, found: Resolved): StatementOperation {
  if (!("on" in operation)) return operation;
  const on = found.relation.get(operation.on) ?? operation.on;
  return operation.kind === "lock"
    ? { ...operation, on, work: operation.work.map((work) => qualifiedWork(work, found)) }
    : { ...operation, on };
}

function qualifiedWork(work: Work, { type, function: routine }: Resolved): Work {
  const written = "type" in work && work.type !== undefined ? { type: type.get(work.type) ?? work.type } : {};
  if (work.does !== "add") return { ...work, ...written };
  const functions = work.functions.map((parts) => {
    const schema = parts.length === 1 ? routine.get(parts[0] ?? "") : undefined;
    return schema === undefined ? parts : [schema, ...parts];
  });
  return { ...work, ...written, functions };
}
