import type { Client } from "pg";
import { z } from "zod";
import { type RowOf, catalogQuery } from "../../catalog-query";
import { readLedger } from "../migrations/files/ledger";

// Privileges as the queries of the catalog return them.

const CONTENT_KINDS = ["table", "sequence", "function"] as const;
const OBJECT_KINDS = ["database", "schema", ...CONTENT_KINDS, "foreign data wrapper", "foreign server"] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];
/** Kinds of object of a schema that have default privileges. */
export type ContentKind = (typeof CONTENT_KINDS)[number];
export const PLURAL: Record<ContentKind, string> = { table: "tables", sequence: "sequences", function: "functions" };

/** One granted privilege, or an object without granted privileges (no grantee). */
export type PrivilegeFact = RowOf<typeof PRIVILEGES>;
export const PRIVILEGES = catalogQuery("privileges", {
  kind: z.enum([...OBJECT_KINDS, "column"]),
  schema: z.string(),
  /** For a function with argument types: `name(integer, text)`; for a column the name of its table. */
  name: z.string(),
  column: z.string().nullable(),
  owner: z.string(),
  /** The object as GRANT names it. */
  target: z.string(),
  /** Of a partition: the root of its partition tree. */
  parent: z.strictObject({ schema: z.string(), name: z.string() }).nullable(),
  /** A member of an extension: compared only if a grant names it. */
  ofExtension: z.boolean(),
  grantee: z.string().nullable(),
  privilege: z.string().nullable(),
  grantable: z.boolean().nullable(),
  /** A default privilege of the object's owner that was revoked. */
  revoked: z.boolean(),
  /** Grantors other than the owner. */
  grantors: z.array(z.string()),
});

export type DefaultFact = RowOf<typeof DEFAULT_PRIVILEGES>;
export const DEFAULT_PRIVILEGES = catalogQuery("default-privileges", {
  creator: z.string(),
  /** Empty: in all schemas. */
  schema: z.string(),
  kind: z.enum(CONTENT_KINDS),
  grantee: z.string(),
  privilege: z.string(),
  grantable: z.boolean(),
  /** A default privilege of the creator on its own objects that was revoked. */
  revoked: z.boolean(),
});

/** All privileges of one database. */
export interface Facts {
  privileges: PrivilegeFact[];
  defaults: DefaultFact[];
}

/** Versions of the migrations that were applied completely. */
export async function readApplied(client: Client): Promise<string[]> {
  const ledger = (await readLedger(client)) ?? [];
  return ledger.filter(({ finished }) => finished).map(({ version }) => version);
}
