import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../../catalog-query";
import type { StatementOperation, Work } from "../statements/statement-operations";

// Facts of the catalog about the objects of pending migrations.

const AMOUNT = {
  /** As pg_size_pretty writes it. */
  size: z.string().nullable(),
  /** The planner's estimate; null before the first VACUUM or ANALYZE. */
  rows: z.number().nullable(),
  empty: z.boolean(),
};
/** Size of a table or schema. */
export type Amount = z.output<z.ZodObject<typeof AMOUNT, z.core.$strict>>;

const COLUMN = z.strictObject({
  type: z.number(),
  /** The base type of a domain; else the type itself. */
  base: z.number(),
  typmod: z.number(),
  notNull: z.boolean(),
  /** A CHECK of the table refers to it. */
  checked: z.boolean(),
  /** Has a valid unique index of its own. */
  unique: z.boolean(),
});
export type Column = z.output<typeof COLUMN>;

const CHECK = z.strictObject({ name: z.string(), expression: z.string(), valid: z.boolean() });
export type Check = z.output<typeof CHECK>;

const TABLE = z.strictObject({
  ...AMOUNT,
  /** As in pg_class.relkind. */
  kind: z.string(),
  logged: z.boolean(),
  tablespace: z.string(),
  /** Access method; null for a partitioned table without one. */
  method: z.string().nullable(),
  partitionOf: z.string().nullable(),
  /** The DEFAULT partition. */
  remainder: z.string().nullable(),
  checks: z.array(CHECK),
  columns: z.record(z.string(), COLUMN.optional()),
});
export type Table = z.output<typeof TABLE>;

const TYPE = z.strictObject({
  type: z.number(),
  base: z.number(),
  typmod: z.number(),
  array: z.boolean(),
  /** A domain with constraints. */
  checked: z.boolean(),
});
export type Type = z.output<typeof TYPE>;

export const MIGRATION_COSTS = catalogQuery("migration-costs", {
  timeZone: z.string(),
  /** By name, quoted as in SQL. */
  tables: z.record(z.string(), TABLE.optional()),
  /** By type, as the migration writes it. */
  types: z.record(z.string(), TYPE.optional()),
  /** `source>target`: binary-coercible types. */
  binaryCasts: z.array(z.string()),
  /** Volatilities of all functions of a name; the key is the JSON of its parts. */
  functions: z.record(z.string(), z.array(z.string()).optional()),
  schemas: z.record(z.string(), z.strictObject({ ...AMOUNT, tables: z.number() }).optional()),
});
export type Catalog = RowOf<typeof MIGRATION_COSTS>;

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
    return (await readRows(client, MIGRATION_COSTS, ...parameters))[0];
  } catch (error) {
    if ((error as { code?: string }).code === "55P03") return undefined; // lock_not_available
    throw error;
  }
}
