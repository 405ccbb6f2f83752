import { needsClient, transactionKind, type Node } from "../../../sql-file";
import { quoteIdentifier } from "../../../../config/object-name";
import { commandsOf, joined, nameOf, node, nodesIn, textsOf, type Relation, type StringNode } from "./tree";
import { outsideTransaction } from "./transaction-block";

// Pure: which statements a migration may contain, and where, from their parse trees.

/** Says why a migration cannot contain this statement; undefined if it can. */
export function refusal(stmt: Node): string | undefined {
  const client = needsClient(stmt);
  if (client) return client;
  if (transactionKind(stmt)) {
    return "pgwright begins and commits the transaction of a file; remove this statement (transaction:false beside -- migrate:up commits each statement separately)";
  }
  const index = node<{ concurrent?: boolean; idxname?: string }>(stmt, "IndexStmt");
  if (index?.concurrent && !index.idxname) {
    return "the index has no name; write CREATE INDEX CONCURRENTLY name ON table, so that pgwright can drop the index if it is invalid";
  }
  return undefined;
}

/** Says why a statement cannot run inside the transaction of its file; undefined if it can. */
export function needsNoTransaction(stmt: Node): string | undefined {
  const command = outsideTransaction(stmt);
  return command && `${command} cannot run inside a transaction: write transaction:false beside -- migrate:up`;
}

/** The indexes that a statement with CONCURRENTLY creates, rebuilds or drops. */
export interface Indexes {
  /** The kind of object that the statement names. */
  scope: "index" | "table" | "schema" | "database";
  /** Its name, quoted as in SQL; undefined: this database. */
  on?: string;
  /** The name of the index, if it is one. */
  name?: string;
  /** The statement drops the index. */
  drops?: boolean;
}

const REINDEXED: Record<string, Indexes["scope"] | undefined> = {
  REINDEX_OBJECT_INDEX: "index",
  REINDEX_OBJECT_TABLE: "table",
  REINDEX_OBJECT_SCHEMA: "schema",
  REINDEX_OBJECT_DATABASE: "database",
};

/** The indexes that CREATE INDEX, REINDEX or DROP INDEX with CONCURRENTLY may leave invalid if it fails. */
export function concurrentIndexes(stmt: Node): Indexes | undefined {
  const created = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (created?.concurrent) return { scope: "table", on: nameOf(created.relation), name: created.idxname };
  const again = node<{ kind: string; relation?: Relation; name?: string }>(stmt, "ReindexStmt");
  const scope = again && has(stmt, "ReindexStmt", "concurrently") ? REINDEXED[again.kind] : undefined;
  if (again && scope) {
    const on = again.relation ? nameOf(again.relation) : again.name && quoteIdentifier(again.name);
    return { scope, ...(on && { on }) };
  }
  const dropped = node<{ concurrent?: boolean; objects: { List: { items: StringNode[] } }[] }>(stmt, "DropStmt");
  const [object] = dropped?.concurrent ? dropped.objects : [];
  const name = object && joined(textsOf(object.List.items));
  return name === undefined ? undefined : { scope: "index", on: name, name, drops: true };
}

/** Whether a statement may wait long for its lock, because others that read or write rows do not queue behind it. */
export function isPatient(stmt: Node): boolean {
  const vacuum = node<{ is_vacuumcmd?: boolean }>(stmt, "VacuumStmt");
  return (
    concurrentIndexes(stmt) !== undefined ||
    commandsOf(stmt).some(({ def }) => def?.PartitionCmd?.concurrent) ||
    (vacuum !== undefined && !has(stmt, "VacuumStmt", "full")) ||
    (node<{ concurrent?: boolean }>(stmt, "RefreshMatViewStmt")?.concurrent ?? false)
  );
}

interface Options {
  options?: { DefElem: { defname: string } }[];
  params?: { DefElem: { defname: string } }[];
}

function has(stmt: Node, type: string, option: string): boolean {
  const { options = [], params = [] } = node<Options>(stmt, type) ?? {};
  return [...options, ...params].some(({ DefElem }) => DefElem.defname === option);
}

// Statements that can always run inside a transaction, and cannot end one, as CALL and DO can.
const ATOMIC =
  /^(Insert|Update|Delete|Merge|Select|Copy|Create|CreateTableAs|Index|AlterTable|CreateFunction|View|Rename|Drop|CreateEnum|CreateTrig|CreateSchema|CreateSeq|Grant|Comment)Stmt$/;

/** Whether a statement of a file without transaction can run in its own, whose status tells whether it was completed. */
export const isAtomic = (stmt: Node): boolean =>
  Object.keys(stmt).every((type) => ATOMIC.test(type)) && needsNoTransaction(stmt) === undefined;

/** Says that a statement would leave the role that runs it; undefined if it would not. */
export function leavesRole(stmt: Node, role: string): string | undefined {
  const set = node<{ kind: string; name?: string; args?: { A_Const?: { sval?: { sval: string } } }[] }>(
    stmt,
    "VariableSetStmt",
  );
  const setting = set?.name?.toLowerCase() ?? "";
  const value = set?.kind === "VAR_SET_VALUE" ? set.args?.[0]?.A_Const?.sval?.sval : undefined;
  const discard = node<{ target: string }>(stmt, "DiscardStmt");
  const [called] = nodesIn<{ funcname: StringNode[]; args?: { A_Const?: { sval?: { sval: string } } }[] }>(
    stmt,
    "FuncCall",
  ).filter(
    ({ funcname, args = [] }) =>
      textsOf(funcname).at(-1) === "set_config" && USERS.includes(args[0]?.A_Const?.sval?.sval.toLowerCase() ?? ""),
  );
  const command = [
    [
      USERS.includes(setting) && !(setting === "role" && value === role),
      setting === "role" ? "SET ROLE" : "SET SESSION AUTHORIZATION",
    ],
    [discard?.target === "DISCARD_ALL", "DISCARD ALL"],
    [called, "set_config of the role"],
  ].find(([applies]) => applies)?.[1];
  return command
    ? `${String(command)} leaves the role ${role}; to run the files as another role, set migrations.role`
    : undefined;
}

const USERS = ["role", "session_authorization"];

/** Whether a statement reads or writes a file of the server, or runs a program there; undefined if none of these. */
export function serverFile(stmt: Node): "reads" | "writes" | "runs" | undefined {
  const copy = node<{ filename?: string; is_program?: boolean; is_from?: boolean }>(stmt, "CopyStmt");
  if (copy?.is_program) return "runs";
  if (!copy?.filename) return undefined;
  return copy.is_from ? "reads" : "writes";
}
