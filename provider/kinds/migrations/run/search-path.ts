import type { Client, DatabaseError } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../../catalog-query";
import type { StatementOperation, Work } from "../statements/statement-operations";
import type { Statement } from "../files/file";
import { node, nodesIn, textsOf, type StringNode } from "../statements/tree";

// Resolves unqualified names by migrations.searchPath.

// invalid_schema_name; undefined_table, undefined_object, undefined_function
const NO_SCHEMA = "3F000";
const NOT_FOUND = ["42P01", "42704", "42883"];

/** A hint for an unqualified name that was not found with an empty search_path. */
export function unqualifiedHint({ code = "", message }: DatabaseError, searchPath: string[]): string[] {
  if (searchPath.length > 0) return [];
  const unqualified = NOT_FOUND.includes(code) && /^\w+ "[^".]+" does not exist|^function [^.(]+\(/.test(message);
  return code === NO_SCHEMA || unqualified
    ? [
        "migrations run with an empty search_path; write the name with its schema, or declare migrations.searchPath, such as [public]",
      ]
    : [];
}

/** Whether a statement may set search_path, after which unqualified names cannot be resolved here. */
export function setsSearchPath({ tree }: Statement): boolean {
  const set = node<{ name?: string; kind: string }>(tree, "VariableSetStmt");
  if (set) return set.kind === "VAR_RESET_ALL" || set.name?.toLowerCase() === "search_path";
  return nodesIn<{ funcname: StringNode[] }>(tree, "FuncCall").some(
    ({ funcname }) => textsOf(funcname).at(-1) === "set_config",
  );
}

/** Whether a quoted name has no schema. */
const isUnqualified = (name: string) => !/^("([^"]|"")*"|[^".]*)\./.test(name);

export const UNQUALIFIED_NAMES = catalogQuery("unqualified-names", {
  kind: z.enum(["relation", "type", "function"]),
  written: z.string(),
  schema: z.string(),
  resolved: z.string(),
});
type Kind = RowOf<typeof UNQUALIFIED_NAMES>["kind"];
type Resolved = Record<Kind, Map<string, string>>;

export type Qualify = (operation: StatementOperation) => StatementOperation;

/** Returns a function that adds schemas to unqualified names, as a session with this search_path resolves them. */
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
  const rows = await readRows(client, UNQUALIFIED_NAMES, ...names, searchPath);
  const mapOf = (kind: Kind, column: "schema" | "resolved") =>
    new Map(rows.flatMap((row) => (row.kind === kind ? [[row.written, row[column]] as const] : [])));
  const found: Resolved = {
    relation: mapOf("relation", "resolved"),
    type: mapOf("type", "resolved"),
    function: mapOf("function", "schema"),
  };
  return (operation) => qualifyOperation(operation, found);
}

function qualifyOperation(operation: StatementOperation, found: Resolved): StatementOperation {
  if (!("on" in operation)) return operation;
  const on = found.relation.get(operation.on) ?? operation.on;
  return operation.kind === "lock"
    ? { ...operation, on, work: operation.work.map((work) => qualifyWork(work, found)) }
    : { ...operation, on };
}

function qualifyWork(work: Work, { type, function: routine }: Resolved): Work {
  const written = "type" in work && work.type !== undefined ? { type: type.get(work.type) ?? work.type } : {};
  if (work.does !== "add") return { ...work, ...written };
  const functions = work.functions.map((parts) => {
    const schema = parts.length === 1 ? routine.get(parts[0] ?? "") : undefined;
    return schema === undefined ? parts : [schema, ...parts];
  });
  return { ...work, ...written, functions };
}
