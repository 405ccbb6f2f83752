import type { Grant } from "./privileges";

export interface AccessInputs {
  database: string;
  /** Owner of the database: gets what a removed role has owned. */
  owner: string;
  /** Schemas that are managed. */
  schemas: string[];
  /** Schemas that are dropped with all that they hold, once they are not managed any more. */
  dropSchemas: string[];
  /** Roles whose objects to come get the privileges too. */
  creators: string[];
  /** All roles that the stack declares. One that disappears loses its privileges and possessions here. */
  roles: string[];
  undeclared: "revoke" | "report";
  /** Versions of the migrations: once all are applied, an object that is missing stays missing. */
  migrations: string[];
  /** The newest of them, and in the state the newest that is applied: whenever migrations run, privileges are reconciled after them. */
  migrated?: string;
  /** By who and what, in words: `reader: all tables in data` -> `INSERT, SELECT`. */
  privileges: Record<string, string>;
  /** The same, for the machine. */
  grants: Grant[];
}

export interface AccessState extends AccessInputs {
  /** With `undeclared: report`, what no grant declares, as `privileges`: what changes of it by hand is drift. */
  further?: Record<string, string>;
}
