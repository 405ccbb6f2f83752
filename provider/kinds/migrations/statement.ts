import { needsClient, transactionKind, type Node } from "../../sql-file";
import { commandsOf, node, type Relation } from "./tree";

// Pure: which statements a migration may hold, and where, from their parse trees.

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
  const params = node<{ params?: { DefElem: { defname: string } }[] }>(stmt, "ReindexStmt")?.params ?? [];
  const what = [
    [node<{ concurrent?: boolean }>(stmt, "IndexStmt")?.concurrent, "CREATE INDEX CONCURRENTLY"],
    [node<{ concurrent?: boolean }>(stmt, "DropStmt")?.concurrent, "DROP INDEX CONCURRENTLY"],
    [params.some(({ DefElem }) => DefElem.defname === "concurrently"), "REINDEX CONCURRENTLY"],
    [commandsOf(stmt).some(({ def }) => def?.PartitionCmd?.concurrent), "DETACH PARTITION CONCURRENTLY"],
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
