import { escapeLiteral, type Client } from "pg";
import { readSql } from "../../../sql/read";
import type { MigrationFile } from "./file";

/** A migration that was applied, or of which a part was. */
export interface Applied {
  version: string;
  /** Empty, and so is the hash: dbmate has applied it. */
  name: string;
  /** Of the file; while it is unfinished, of its first statements (see hashOfDone). */
  hash: string;
  /** Statements done; fewer than the file has while one without transaction is unfinished. */
  statements: number;
  finished: boolean;
  /** How far the statement behind those that are done is, if it is run in batches. */
  batch?: Progress | null;
}

/** How far a statement is that is run in batches. */
export interface Progress {
  /** Of its text: another one begins anew. */
  hash: string;
  /** Where in its section it stands, from 0. */
  statement: number;
  /** Times that it has gone through the table. */
  passes: number;
  /** Blocks of this pass that are done. */
  block: number;
  /** Rows that it has changed so far. */
  rows: number;
}

/** What was applied; undefined if no migration ever was. */
export async function readLedger(client: Client): Promise<Applied[] | undefined> {
  const { rows } = await client.query("SELECT to_regclass('pgwright.migrations') IS NOT NULL AS there");
  if (!rows[0].there) return undefined;
  const ledger = await client.query<Applied>(
    `SELECT version, name, hash, statements, finished_at IS NOT NULL AS finished, to_jsonb(m) -> 'batch' AS batch
     FROM pgwright.migrations AS m ORDER BY version::numeric`, // whether or not it has the column yet
  );
  return ledger.rows;
}

export async function createLedger(client: Client): Promise<void> {
  await client.query(readSql("catalog/migrations-ledger.sql"));
}

/** A file is applied as a whole. */
export async function record(client: Client, { version, name, hash, up }: MigrationFile): Promise<void> {
  await client.query(
    `INSERT INTO pgwright.migrations (version, name, hash, statements) VALUES ($1, $2, $3, $4)
     ON CONFLICT (version) DO UPDATE
     SET name = excluded.name, hash = excluded.hash, statements = excluded.statements, finished_at = now(), batch = NULL`,
    [version, name, hash, up.statements.length],
  );
}

/** The first `done` statements of a file are applied. */
export async function recordBegun(client: Client, file: MigrationFile, done: number, hash: string): Promise<void> {
  await client.query(
    `INSERT INTO pgwright.migrations (version, name, hash, statements, finished_at) VALUES ($1, $2, $3, $4, NULL)
     ON CONFLICT (version) DO UPDATE SET hash = excluded.hash, statements = excluded.statements,
       batch = CASE WHEN migrations.statements = excluded.statements THEN migrations.batch END`,
    [file.version, file.name, hash, done],
  );
}

/** SQL that keeps how far a statement is that is run in batches: part of the transaction that brings it there. */
export function recordsProgress(version: string, progress: Progress): string {
  const kept = escapeLiteral(JSON.stringify(progress));
  return `UPDATE pgwright.migrations SET batch = ${kept} WHERE version = ${escapeLiteral(version)}`;
}

/** How far the statement in batches is that an interrupted run has begun. */
export async function readProgress(client: Client, version: string): Promise<Progress | undefined> {
  const { rows } = await client.query("SELECT batch FROM pgwright.migrations WHERE version = $1", [version]);
  return rows[0]?.batch ?? undefined;
}

/** Nothing of a file is done. */
export async function forgetUnbegun(client: Client, version: string): Promise<void> {
  await client.query("DELETE FROM pgwright.migrations WHERE version = $1 AND batch IS NULL", [version]);
}

/** A file is not applied any more. */
export async function forget(client: Client, version: string): Promise<void> {
  await client.query("DELETE FROM pgwright.migrations WHERE version = $1", [version]);
}

/** Files that dbmate has applied are known by their hash from now on. */
export async function adoptHashes(client: Client, files: MigrationFile[]): Promise<void> {
  for (const { version, name, hash } of files) {
    await client.query(
      `UPDATE pgwright.migrations SET name = $2, hash = $3 WHERE version = $1 AND hash = '' AND finished_at IS NOT NULL`,
      [version, name, hash],
    );
  }
}
