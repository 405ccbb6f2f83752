import { declare } from "../../declaration";
import { newestVersion } from "../migrations/files/file-name";
import { formatGrants, type Grant } from "./grant";

/** The declared privileges of a database, and the owners and creators of the objects that they apply to. */
export interface DeclaredAccess {
  database: string;
  /** Owner of the database, and the new owner of the objects of a removed role. */
  owner: string;
  /** Managed schemas. */
  schemas: string[];
  /** Roles whose future objects get the privileges too. */
  creators: string[];
  /** All declared roles of the stack. A role that is no longer among them loses its privileges and objects in this database. */
  roles: string[];
  undeclared: "revoke" | "report";
  grants: Grant[];
}

export interface AccessInputs extends DeclaredAccess {
  /** Schemas that may be dropped with all their objects once they are no longer managed. */
  dropSchemas: string[];
  /** Versions of the migrations: once all are applied, no migration creates a missing object. */
  migrations: string[];
  /** The newest version, and in the state the newest applied one: when they differ, privileges are reconciled after the migrations. */
  migrated?: string;
  /** The grants as text, `reader: all tables in data` -> `INSERT, SELECT`; the property that is compared with the state. */
  privileges: Record<string, string>;
}

export interface AccessState extends AccessInputs {
  /** With `undeclared: report`, undeclared privileges in the form of `privileges`: a change of them is drift. */
  further?: Record<string, string>;
}

export const declaration = declare<AccessInputs, AccessState>()({
  type: "Access",
  outputs: ["further"],
  wanted: {
    privileges: ({ grants }) => formatGrants(grants),
    migrated: ({ migrations }) => (migrations.length > 0 ? newestVersion(migrations) : undefined),
  },
});
