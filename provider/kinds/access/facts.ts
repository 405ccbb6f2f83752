// Privileges as the queries of the catalog return them.

export type ObjectKind =
  "database" | "schema" | "table" | "sequence" | "function" | "foreign data wrapper" | "foreign server";
/** Kinds of object of a schema that have default privileges. */
export type ContentKind = "table" | "sequence" | "function";
export const PLURAL: Record<ContentKind, string> = { table: "tables", sequence: "sequences", function: "functions" };

/** One granted privilege, or an object without granted privileges (no grantee). */
export interface PrivilegeFact {
  kind: ObjectKind | "column";
  schema: string;
  /** For a function with argument types: `name(integer, text)`; for a column the name of its table. */
  name: string;
  column: string | null;
  owner: string;
  /** The object as GRANT names it. */
  target: string;
  /** Of a partition: the root of its partition tree. */
  parent: { schema: string; name: string } | null;
  /** A member of an extension: compared only if a grant names it. */
  ofExtension: boolean;
  grantee: string | null;
  privilege: string | null;
  grantable: boolean | null;
  /** A default privilege of the object's owner that was revoked. */
  revoked: boolean;
  /** Grantors other than the owner. */
  grantors: string[];
}

export interface DefaultFact {
  creator: string;
  /** Empty: in all schemas. */
  schema: string;
  kind: ContentKind;
  grantee: string;
  privilege: string;
  grantable: boolean;
  /** A default privilege of the creator on its own objects that was revoked. */
  revoked: boolean;
}

/** All privileges of one database. */
export interface Facts {
  privileges: PrivilegeFact[];
  defaults: DefaultFact[];
}
