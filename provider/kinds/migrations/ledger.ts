import type { Client } from "pg";
import { readSql } from "../../../sql/read";

/** A migration that was applied, or of which a part was. */
export interface Applied {
  version: string;
  name: string;
  hash: string;
  /** Statements done; fewer than the file has while one without transaction is unfinished. */
  statements: number;
  finished: boolean;
}

/** What was applied; undefined if no migration ever was. */
export async function readLedger(client: Client): Promise<Applied[] | undefined> {
  const { rows } = await client.query("SELECT to_regclass('pgwright.migrations') IS NOT NULL AS there");
  if (!rows[0].there) return undefined;
  const ledger = await client.query<Applied>(
    `SELECT version, name, hash, statements, finished_at IS NOT NULL AS finished
     FROM pgwright.migrations ORDER BY version::numeric`,
  );
  return ledger.rows;
}

export async function createLedger(client: Client): Promise<void> {
  await client.query(readSql("catalog/migrations-ledger.sql"));
}
