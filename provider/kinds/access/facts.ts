// What the catalog says of privileges.

export type ObjectKind =
  "database" | "schema" | "table" | "sequence" | "function" | "foreign data wrapper" | "foreign server";
/** Kinds that a schema holds and that default privileges exist for. */
export type ContentKind = "table" | "sequence" | "function";

/** One privilege that is given, or an object that nobody has a privilege on (no grantee). */
export interface PrivilegeFact {
  kind: ObjectKind | "column";
  schema: string;
  /** `name`, for functions with argument types: `name(integer, text)`; for columns their table. */
  name: string;
  column: string | null;
  owner: string;
  /** The object as GRANT names it. */
  target: string;
  /** Of a partition: the table at the top. */
  parent: { schema: string; name: string } | null;
  /** An extension decides about its objects: only what a grant names counts. */
  ofExtension: boolean;
  grantee: string | null;
  privilege: string | null;
  grantable: boolean | null;
  /** Revoked from the owner of the object, who has it by PostgreSQL's own default. */
  revoked: boolean;
  /** Who has given it, beside the owner. */
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
  /** Revoked from the creator, who has it by PostgreSQL's own default. */
  revoked: boolean;
}

/** What is in the catalog. */
export interface Facts {
  privileges: PrivilegeFact[];
  defaults: DefaultFact[];
}
