import type { Grant } from "./privileges";

export interface AccessInputs {
  database: string;
  /** Owner of the database, and the new owner of the objects of a removed role. */
  owner: string;
  /** Managed schemas. */
  schemas: string[];
  /** Schemas that may be dropped with all their objects once they are no longer managed. */
  dropSchemas: string[];
  /** Roles whose future objects get the privileges too. */
  creators: string[];
  /** All declared roles of the stack. A role that is no longer among them loses its privileges and objects in this database. */
  roles: string[];
  undeclared: "revoke" | "report";
  /** Versions of the migrations: once all are applied, no migration creates a missing object. */
  migrations: string[];
  /** The newest version, and in the state the newest applied one: when they differ, privileges are reconciled after the migrations. */
  migrated?: string;
  /** Privileges by role and object: `reader: all tables in data` -> `INSERT, SELECT`. */
  privileges: Record<string, string>;
  /** The same as a structure. */
  grants: Grant[];
}

export interface AccessState extends AccessInputs {
  /** With `undeclared: report`, undeclared privileges in the form of `privileges`: a change of them is drift. */
  further?: Record<string, string>;
}
