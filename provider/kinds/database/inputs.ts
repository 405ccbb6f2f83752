import type { SqlFile } from "./mask";

export interface DatabaseInputs {
  name: string;
  owner: string;
  /** Most sessions at a time; -1: no limit. */
  connectionLimit: number;
  /** What it is made as a copy of, and what is run in the copy before others can connect. */
  copyOf?: { database: string; run: SqlFile[] };
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
