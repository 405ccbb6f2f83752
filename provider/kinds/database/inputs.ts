import { declare } from "../../declaration";
import type { SqlFile } from "./mask";

export interface DatabaseInputs {
  name: string;
  owner: string;
  /** Maximum number of connections; -1: no limit. */
  connectionLimit: number;
  /** The source of a copy, the files that run in the copy before other roles can connect, and the role that they run as. */
  copyOf?: { database: string; run: SqlFile[]; role?: string };
  /** How the copy is created. */
  copying?: {
    strategy: "wal_log" | "file_copy";
    /** The source is a database of the same stack, which the same update may create. */
    declared: boolean;
  };
}

/** A database that is created as a copy. */
export type CopyInputs = DatabaseInputs & Required<Pick<DatabaseInputs, "copyOf" | "copying">>;

export function isCopy(inputs: DatabaseInputs): inputs is CopyInputs {
  return inputs.copyOf !== undefined && inputs.copying !== undefined;
}

/** The database of the sessions that create, alter and drop others. */
export const MAINTENANCE_DATABASE = "postgres";

export type DatabaseState = DatabaseInputs;

export const declaration = declare<DatabaseInputs>()({
  type: "Database",
  aliases: [{ type: "postgresql:index/database:Database" }],
});
