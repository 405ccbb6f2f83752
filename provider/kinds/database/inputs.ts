import type { SqlFile } from "./mask";

export interface DatabaseInputs {
  name: string;
  owner: string;
  /** Most sessions at a time; -1: no limit. */
  connectionLimit: number;
  /** What it is made as a copy of, what is run in the copy before others can connect, and the role that it runs as. */
  copyOf?: { database: string; run: SqlFile[]; role?: string };
  /** How it is copied. */
  copying?: {
    strategy: "wal_log" | "file_copy";
    /** The source is a database of the same stack, and may be made in the same update. */
    declared: boolean;
  };
}

/** A database that is made as a copy. */
export type CopyInputs = DatabaseInputs & Required<Pick<DatabaseInputs, "copyOf" | "copying">>;

export function isCopy(inputs: DatabaseInputs): inputs is CopyInputs {
  return inputs.copyOf !== undefined && inputs.copying !== undefined;
}

/** Where databases are made, changed and dropped from. */
export const ELSEWHERE = "postgres";
