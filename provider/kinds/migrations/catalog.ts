import type { Client } from "pg";
import { readSql } from "../../../sql/read";
import type { StatementOperation, Work } from "./statement-operations";

// Facts of the catalog about the objects of pending migrations.

/** Size of a table or schema. */
export interface Amount {
  /** As pg_size_pretty writes it. */
  size: string | null;
  /** The planner's estimate; null before the first VACUUM or ANALYZE. */
  rows: number | null;
  empty: boolean;
}

export interface Column {
  type: number;
  /** The base type of a domain; else the type itself. */
  base: number;
  typmod: number;
  notNull: boolean;
  /** A CHECK of the table refers to it. */
  checked: boolean;
  /** Has a valid unique index of its own. */
  unique: boolean;
}

export interface Check {
  name: string;
  expression: string;
  valid: boolean;
}

export interface Table extends Amount {
  /** As in pg_class.relkind. */
  kind: string;
  logged: boolean;
  tablespace: string;
  /** Access method; null for a partitioned table without one. */
  method: string | null;
  partitionOf: string | null;
  /** The DEFAULT partition. */
  remainder: string | null;
  checks: Check[];
  columns: Record<string, Column | undefined>;
}

export interface Type {
  type: number;
  base: number;
  typmod: number;
  array: boolean;
  /** A domain with constraints. */
  checked: boolean;
}

export interface Catalog {
  timeZone: string;
  /** By name, quoted as in SQL. */
  tables: Record<string, Table | undefined>;
  /** By type, as the migration writes it. */
  types: Record<string, Type | undefined>;
  /** `source>target`: binary-coercible types. */
  binaryCasts: string[];
  /** Volatilities of all functions of a name; the key is the JSON of its parts. */
  functions: Record<string, string[] | undefined>;
  schemas: Record<string, (Amount & { tables: number }) | undefined>;
}

/** The catalog of a database that does not exist yet. */
export const NOTHING: Catalog = { timeZone: "", tables: {}, types: {}, binaryCasts: [], functions: {}, schemas: {} };

/** Longest wait for a table that another session has locked. */
const LOCK_TIMEOUT = "1s";

const works = (operations: StatementOperation[]): Work[] =>
  operations.flatMap((operation) => (operation.kind === "lock" ? operation.work : []));

/** Reads all facts in one query; undefined if another session holds a lock on one of the tables. */
export async function readCatalog(client: Client, operations: StatementOperation[]): Promise<Catalog | undefined> {
  const types = works(operations).flatMap((work) => ("type" in work && work.type !== undefined ? [work.type] : []));
  const functions = works(operations).flatMap((work) => (work.does === "add" ? work.functions : []));
  const parameters = [
    operations.flatMap((operation) => ("on" in operation ? [operation.on] : [])),
    types,
    functions.map((parts) => JSON.stringify(parts)),
    operations.flatMap((operation) => (operation.kind === "drop schema" ? [operation.schema] : [])),
  ].map((list) => [...new Set(list)]);
  try {
    await client.query(`SET search_path = ''; SET lock_timeout = '${LOCK_TIMEOUT}'`);
    return (await client.query<Catalog>(readSql("catalog/migration-costs.sql"), parameters)).rows[0];
  } catch (error) {
    if ((error as { code?: string }).code === "55P03") return undefined; // lock_not_available
    throw error;
  }
}
