import { declare } from "../../declaration";
import type { DeclaredAccess } from "../access/inputs";
import { wantedMigrations } from "./files/file";

export interface MigrationsInputs {
  database: string;
  /** The role that runs the files. */
  role: string;
  /** search_path of the files; empty if absent. */
  searchPath?: string[];
  /** Text of each file, by name. */
  files: Record<string, string>;
  /** The newest version to apply; undefined: all. */
  target?: string;
  /** Files up to this version count as applied in a database with tables and without rows in pgwright.migrations. */
  baseline?: string;
  /**
   * Privileges of the database, reconciled before the migrations, which may need them, and after each run, also one that fails. The
   * resource Access comes after the partitions and tiered tables, whose objects grants may name, so it cannot do this.
   */
  access: DeclaredAccess;
  /** Hash of each file to apply, by name; the property that is compared with the state. */
  applied: Record<string, string>;
  /** The source if this database is a copy, and the files that are applied there before the copy. */
  copyOf?: { database: string; applied: Record<string, string> };
}

export type MigrationsState = MigrationsInputs;

export const declaration = declare<MigrationsInputs>()({
  type: "Migrations",
  wanted: { applied: ({ files, target }) => wantedMigrations(files, target) },
});
