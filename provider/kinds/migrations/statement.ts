import { needsClient, transactionKind, type Node } from "../../sql-file";
import { quoteIdentifier } from "../../../config/object-name";
import { commandsOf, joined, nameOf, node, nodesIn, textsOf, type Relation, type StringNode } from "./tree";
import { outsideTransaction } from "../transaction-block";

// Pure: which statements a migration may hold, and where, from their parse trees.

/** Says why a migration cannot hold this statement at all. */
export function refusal(stmt: Node): string | undefined {
  const client = needsClient(stmt);
  if (client) return client;
  if (transactionKind(stmt)) {
    return "transactions begin and end with the file; transaction:false beside -- migrate:up runs each statement by itself";
  }
  const index = node<{ concurrent?: boolean; idxname?: string }>(stmt, "IndexStmt");
  if (index?.concurrent && !index.idxname) {
    return "name the index: CREATE INDEX CONCURRENTLY name ON table, so that a failed one can be cleared away";
  }
  return undefined;
}

/** Says that a statement cannot run inside a transaction, which the file begins. */
export function needsNoTransaction(stmt: Node): string | undefined {
  const command = outsideTransaction(stmt);
  return command && `${command} cannot run inside a transaction: write transaction:false beside -- migrate:up`;
}

/** The indexes that a statement makes or drops beside others. */
export interface Indexes {
  /** What the statement names. */
  scope: "index" | "table" | "schema" | "database";
  /** Its name, as SQL writes it; undefined: this database. */
  on?: string;
  /** The one index that it is about. */
  name?: string;
  /** It drops it. */
  drops?: boolean;
}

const REINDEXED: Record<string, Indexes["scope"] | undefined> = {
  REINDEX_OBJECT_INDEX: "index",
  REINDEX_OBJECT_TABLE: "table",
  REINDEX_OBJECT_SCHEMA: "schema",
  REINDEX_OBJECT_DATABASE: "database",
};

/** What CREATE INDEX, REINDEX or DROP INDEX with CONCURRENTLY may leave behind, invalid, when it fails. */
export function concurrentIndexes(stmt: Node): Indexes | undefined {
  const made = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (made?.concurrent) return { scope: "table", on: nameOf(made.relation), name: made.idxname };
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

/** Waits for a lock behind which nobody queues who reads or writes rows: it may wait for long, and should not fail for that. */
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

// Those that may be part of a transaction whatever they say, and cannot end one themselves, as CALL and DO can.
const ATOMIC =
  /^(Insert|Update|Delete|Merge|Select|Copy|Create|CreateTableAs|Index|AlterTable|CreateFunction|View|Rename|Drop|CreateEnum|CreateTrig|CreateSchema|CreateSeq|Grant|Comment)Stmt$/;

/** Whether a statement of a file without transaction can have one of its own, so that it is known whether it was done. */
export const isAtomic = (stmt: Node): boolean =>
  Object.keys(stmt).every((type) => ATOMIC.test(type)) && needsNoTransaction(stmt) === undefined;

/** A statement that would leave the role that it runs as. */
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
  const what = [
    [
      USERS.includes(setting) && !(setting === "role" && value === role),
      setting === "role" ? "SET ROLE" : "SET SESSION AUTHORIZATION",
    ],
    [discard?.target === "DISCARD_ALL", "DISCARD ALL"],
    [called, "set_config of the role"],
  ].find(([there]) => there)?.[1];
  return what ? `${String(what)} leaves the role ${role}; migrations.role says what the files run as` : undefined;
}

const USERS = ["role", "session_authorization"];

/** How a statement reads or writes files of the server, or runs a program there. */
export function serverFile(stmt: Node): "reads" | "writes" | "runs" | undefined {
  const copy = node<{ filename?: string; is_program?: boolean; is_from?: boolean }>(stmt, "CopyStmt");
  if (copy?.is_program) return "runs";
  if (!copy?.filename) return undefined;
  return copy.is_from ? "reads" : "writes";
}
