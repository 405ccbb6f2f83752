import type { Client } from "pg";
import { readSql } from "../../../sql/read";
import type { StatementOperation, Work } from "./statement-operations";

// What the catalog knows of the things that pending migrations deal with.

/** How much something holds. */
export interface Amount {
  /** As people read it. */
  size: string | null;
  /** An estimate; null: nobody has counted yet. */
  rows: number | null;
  empty: boolean;
}

export interface Column {
  type: number;
  /** The type that a domain is made of; else the type. */
  base: number;
  typmod: number;
  notNull: boolean;
  /** A CHECK of the table speaks of it. */
  checked: boolean;
  /** No two rows have the same value. */
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
  /** Access method; null of a partitioned table that has none of its own. */
  method: string | null;
  partitionOf: string | null;
  /** Its DEFAULT partition. */
  remainder: string | null;
  checks: Check[];
  columns: Record<string, Column | undefined>;
}

export interface Type {
  type: number;
  base: number;
  typmod: number;
  array: boolean;
  /** A domain with conditions. */
  checked: boolean;
}

export interface Catalog {
  timeZone: string;
  /** By name, as SQL names it. */
  tables: Record<string, Table | undefined>;
  /** As they were written. */
  types: Record<string, Type | undefined>;
  /** `source>target`: no value changes. */
  binaryCasts: string[];
  /** Volatilities of all functions of a name, the parts of which are JSON. */
  functions: Record<string, string[] | undefined>;
  schemas: Record<string, (Amount & { tables: number }) | undefined>;
}

/** Of a database that is not there. */
export const NOTHING: Catalog = { timeZone: "", tables: {}, types: {}, binaryCasts: [], functions: {}, schemas: {} };

/** Whoever holds a table locked is not waited for longer. */
const LOCK_TIMEOUT = "1s";

const works = (operations: StatementOperation[]): Work[] =>
  operations.flatMap((operation) => (operation.kind === "lock" ? operation.work : []));

/** Looks all of it up at once; undefined: somebody holds one of the tables locked, so that it cannot be looked at. */
export async function readCatalog(client: Client, operations: StatementOperation[]): Promise<Catalog | undefined> {
  const types = works(operations).flatMap((work) => ("type" in work && work.type !== undefined ? [work.type] : []));
  const functions = works(operations).flatMap((work) => (work.does === "add" ? work.functions : []));
  const asked = [
    operations.flatMap((operation) => ("on" in operation ? [operation.on] : [])),
    types,
    functions.map((parts) => JSON.stringify(parts)),
    operations.flatMap((operation) => (operation.kind === "drop schema" ? [operation.schema] : [])),
  ].map((list) => [...new Set(list)]);
  try {
    await client.query(`SET search_path = ''; SET lock_timeout = '${LOCK_TIMEOUT}'`);
    return (await client.query<Catalog>(readSql("catalog/migration-costs.sql"), asked)).rows[0];
  } catch (error) {
    if ((error as { code?: string }).code === "55P03") return undefined; // lock_not_available
    throw error;
  }
}
