import { needsClient, transactionKind, type Node } from "../../sql-file";

// Pure: what can be told of a statement from its parse tree (PostgreSQL's own, by libpg-query).

interface Relation {
  schemaname?: string;
  relname: string;
}

interface Command {
  AlterTableCmd: {
    subtype: string;
    def?: { PartitionCmd?: { concurrent?: boolean }; Constraint?: { contype: string; skip_validation?: boolean } };
  };
}

function node<T>(stmt: Node, type: string): T | undefined {
  return stmt[type] as T | undefined;
}

/** Says why a migration cannot hold this statement at all. */
export function refusal(stmt: Node): string | undefined {
  const client = needsClient(stmt);
  if (client) return client;
  if (transactionKind(stmt)) {
    return "transactions begin and end with the file; transaction:false beside -- migrate:up runs each statement by itself";
  }
  const index = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (index?.concurrent && !(index.idxname && index.relation.schemaname)) {
    return "name the index and the table's schema: CREATE INDEX CONCURRENTLY name ON schema.table, so that a failed one can be cleared away";
  }
  return undefined;
}

/** Says that a statement cannot run inside a transaction, which the file begins. */
export function needsNoTransaction(stmt: Node): string | undefined {
  const commands = node<{ cmds?: Command[] }>(stmt, "AlterTableStmt")?.cmds ?? [];
  const params = node<{ params?: { DefElem: { defname: string } }[] }>(stmt, "ReindexStmt")?.params ?? [];
  const what = [
    [node<{ concurrent?: boolean }>(stmt, "IndexStmt")?.concurrent, "CREATE INDEX CONCURRENTLY"],
    [node<{ concurrent?: boolean }>(stmt, "DropStmt")?.concurrent, "DROP INDEX CONCURRENTLY"],
    [params.some(({ DefElem }) => DefElem.defname === "concurrently"), "REINDEX CONCURRENTLY"],
    [commands.some(({ AlterTableCmd: { def } }) => def?.PartitionCmd?.concurrent), "DETACH PARTITION CONCURRENTLY"],
    [node<{ is_vacuumcmd?: boolean }>(stmt, "VacuumStmt")?.is_vacuumcmd, "VACUUM"],
    [stmt.CreatedbStmt, "CREATE DATABASE"],
    [stmt.DropdbStmt, "DROP DATABASE"],
    [stmt.AlterSystemStmt, "ALTER SYSTEM"],
  ].find(([there]) => there)?.[1];
  return what
    ? `${String(what)} cannot run inside a transaction: write transaction:false beside -- migrate:up`
    : undefined;
}

/** The index that CREATE INDEX CONCURRENTLY makes; `refusal` has seen to it that all is named. */
export function concurrentIndexOf(stmt: Node): { schema: string; name: string } | undefined {
  const index = node<{ concurrent?: boolean; idxname?: string; relation: Relation }>(stmt, "IndexStmt");
  if (!index?.concurrent || !index.idxname) return undefined;
  return { schema: index.relation.schemaname ?? "", name: index.idxname };
}

const ALL = "reads and writes wait";
const WRITES = "writes wait";

/** ALTER TABLE's actions that let others read or write, from the manual; all the others lock out everybody. */
const GENTLE: Record<string, string | undefined> = {
  AT_ValidateConstraint: "",
  AT_SetStatistics: "",
  AT_AttachPartition: "",
  AT_ClusterOn: "",
  AT_EnableTrig: WRITES,
  AT_DisableTrig: WRITES,
};

/** The strongest lock that a statement takes on a table that is there already, with what it means for others. */
export function strongestLock(stmt: Node): string | undefined {
  const named = ({ schemaname, relname }: Relation) => (schemaname ? `${schemaname}.${relname}` : relname);
  const on = (mode: string, relation: Relation, means: string) => `${mode} on ${named(relation)} (${means})`;
  const index = node<{ concurrent?: boolean; relation: Relation }>(stmt, "IndexStmt");
  if (index) return index.concurrent ? undefined : on("SHARE", index.relation, WRITES);
  const alter = node<{ relation: Relation; cmds?: Command[]; objtype: string }>(stmt, "AlterTableStmt");
  if (alter && ["OBJECT_TABLE", "OBJECT_MATVIEW"].includes(alter.objtype))
    return lockOfAlter(alter.relation, alter.cmds ?? [], on);
  const rename = node<{ relation?: Relation; renameType: string }>(stmt, "RenameStmt");
  if (rename?.relation && /TABLE|COLUMN|TABCONSTRAINT/.test(rename.renameType))
    return on("ACCESS EXCLUSIVE", rename.relation, ALL);
  const trigger = node<{ relation: Relation }>(stmt, "CreateTrigStmt");
  if (trigger) return on("SHARE ROW EXCLUSIVE", trigger.relation, WRITES);
  const truncate = node<{ relations: { RangeVar: Relation }[] }>(stmt, "TruncateStmt");
  if (truncate) return truncate.relations.map(({ RangeVar }) => on("ACCESS EXCLUSIVE", RangeVar, ALL)).join(", ");
  const drop = node<{ objects: { List?: { items: { String: { sval: string } }[] } }[]; removeType: string }>(
    stmt,
    "DropStmt",
  );
  if (drop && /TABLE|MATVIEW/.test(drop.removeType)) {
    const names = drop.objects.map(({ List }) => (List?.items ?? []).map(({ String: { sval } }) => sval).join("."));
    return `ACCESS EXCLUSIVE on ${names.join(", ")} (${ALL})`;
  }
  return undefined;
}

function lockOfAlter(
  relation: Relation,
  commands: Command[],
  on: (mode: string, at: Relation, means: string) => string,
) {
  const means = commands.map(({ AlterTableCmd: { subtype, def } }) => {
    if (subtype === "AT_DetachPartition" && def?.PartitionCmd?.concurrent) return "";
    // A foreign key locks the other table as well, and like this.
    if (subtype === "AT_AddConstraint" && def?.Constraint?.contype === "CONSTR_FOREIGN") return WRITES;
    return GENTLE[subtype] ?? ALL;
  });
  if (means.includes(ALL)) return on("ACCESS EXCLUSIVE", relation, ALL);
  return means.includes(WRITES) ? on("SHARE ROW EXCLUSIVE", relation, WRITES) : undefined;
}
