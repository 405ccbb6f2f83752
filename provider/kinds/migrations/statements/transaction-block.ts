import { commandsOf, node } from "./tree";
import type { Node } from "../../../sql-file";

// Pure: recognises commands that PostgreSQL refuses inside a transaction block, from their parse trees.

/** Targets of REINDEX that use one transaction for each table. */
const MANY_TABLES = ["REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE"];

/** The name of a command that cannot run inside a transaction block; undefined if the statement can. */
export function outsideTransaction(stmt: Node): string | undefined {
  const reindex = node<{ kind?: string; params?: { DefElem: { defname: string } }[] }>(stmt, "ReindexStmt");
  const cluster = node<{ relation?: object }>(stmt, "ClusterStmt");
  const database = node<{ options?: { DefElem: { defname: string } }[] }>(stmt, "AlterDatabaseStmt");
  return [
    [node<{ concurrent?: boolean }>(stmt, "IndexStmt")?.concurrent, "CREATE INDEX CONCURRENTLY"],
    [node<{ concurrent?: boolean }>(stmt, "DropStmt")?.concurrent, "DROP INDEX CONCURRENTLY"],
    [reindex?.params?.some(({ DefElem }) => DefElem.defname === "concurrently"), "REINDEX CONCURRENTLY"],
    [MANY_TABLES.includes(reindex?.kind ?? ""), "REINDEX of a schema or a database"],
    [cluster && !cluster.relation, "CLUSTER of all tables"],
    [commandsOf(stmt).some(({ def }) => def?.PartitionCmd?.concurrent), "DETACH PARTITION CONCURRENTLY"],
    [node<{ is_vacuumcmd?: boolean }>(stmt, "VacuumStmt")?.is_vacuumcmd, "VACUUM"],
    [stmt.CreatedbStmt, "CREATE DATABASE"],
    [stmt.DropdbStmt, "DROP DATABASE"],
    [database?.options?.some(({ DefElem }) => DefElem.defname === "tablespace"), "ALTER DATABASE SET TABLESPACE"],
    [stmt.CreateTableSpaceStmt, "CREATE TABLESPACE"],
    [stmt.DropTableSpaceStmt, "DROP TABLESPACE"],
    [stmt.AlterSystemStmt, "ALTER SYSTEM"],
  ].find(([refused]) => refused)?.[1] as string | undefined;
}
