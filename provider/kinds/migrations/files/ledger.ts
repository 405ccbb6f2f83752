import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { z } from "zod";
import { readSql } from "../../../../sql/read";
import { catalogQuery, readRows, rowsOf, storedJson, type RowOf } from "../../../catalog-query";
import { mustOwnSchema } from "../../../connection";
import type { MigrationFile } from "./file";

// The ledger pgwright.migrations. Only the superuser's session writes it; migrations run in another session, with the privileges of
// their role only. So before that other transaction commits, the row records its state after the commit (`awaitCommit`). If a
// process is killed between, the status of the transaction decides.

/** A migration that was applied completely or in part. */
export interface Applied {
  version: string;
  /** Name and hash are empty if dbmate applied it. */
  name: string;
  /** Of the file; while it is unfinished, of its completed statements (see hashOfDone). */
  hash: string;
  /** Number of completed statements. */
  statements: number;
  finished: boolean;
  /** Progress of the next statement, if it runs in batches. */
  batch?: Progress | null;
  /** The transaction that decides about the row, if it has not ended or its outcome is unknown. */
  waits?: { xid: string; status: "in progress" | "unknown" };
}

/** Progress of a statement that runs in batches. */
export interface Progress {
  /** Of its text: an edited statement starts again. */
  hash: string;
  /** Its index in the section, from 0. */
  statement: number;
  /** Completed passes over the table. */
  passes: number;
  /** Completed blocks of this pass. */
  block: number;
  /** Rows changed so far. */
  rows: number;
}

/** The row after the commit of a transaction; null: it is deleted. */
export type Outcome = Partial<Pick<Applied, "name" | "hash" | "statements" | "finished" | "batch">> | null;

type Row = RowOf<typeof MIGRATIONS_READ>;
export const MIGRATIONS_READ = catalogQuery("migrations-read", {
  version: z.string(),
  name: z.string(),
  hash: z.string(),
  statements: z.number(),
  finished: z.boolean(),
  batch: storedJson<Progress | null>(),
  outcome: storedJson<Outcome>(),
  xid: z.string().nullable(),
  status: z.enum(["committed", "aborted", "in progress", "unknown"]).nullable(),
});
export const MIGRATIONS_THERE = catalogQuery("migrations-there", { plain: z.boolean() });

/** Longest wait for a transaction that is about to commit. */
const ENDS_WITHIN_MS = 60_000;

/** Whether the ledger exists. The begin of the session has checked the owner of its schema. */
async function ledgerExists(client: Client): Promise<boolean> {
  const [found] = await readRows(client, MIGRATIONS_THERE);
  if (found && !found.plain) throw new Error("pgwright.migrations is not a table; drop it");
  return found !== undefined;
}

async function readLedgerRows(client: Client): Promise<Row[] | undefined> {
  if (!(await ledgerExists(client))) return undefined;
  return readRows(client, MIGRATIONS_READ);
}

/** The row by the status of its transaction. */
function resolveRow({ outcome, xid, status, ...row }: Row): Applied[] {
  if (status === "committed") return outcome === null ? [] : [{ ...row, ...outcome }];
  if (status === "in progress" || status === "unknown") return [{ ...row, waits: { xid: xid ?? "", status } }];
  return [row];
}

/** The rows of the ledger; undefined if it does not exist. */
export async function readLedger(client: Client): Promise<Applied[] | undefined> {
  return (await readLedgerRows(client))?.flatMap(resolveRow);
}

export async function createLedger(client: Client): Promise<void> {
  await ledgerExists(client);
  await client.query(readSql("catalog/migrations-ledger.sql"));
  await mustOwnSchema(client);
}

/** The row of a completely applied file. */
export const applied = ({ name, hash, up }: MigrationFile): Outcome => ({
  name,
  hash,
  statements: up.statements.length,
  finished: true,
  batch: null,
});

/** The row of a file whose first `done` statements are applied; `hash`: see hashOfDone. */
export const begun = (done: number, hash: string): Outcome => ({ statements: done, hash, batch: null });

/** Records the row of a version for the case that an open transaction commits. */
export async function awaitCommit(client: Client, { version, name }: MigrationFile, xid: string, outcome: Outcome) {
  await client.query(
    `INSERT INTO pgwright.migrations (version, name, finished_at, pending) VALUES ($1, $2, NULL, $3)
     ON CONFLICT (version) DO UPDATE SET pending = excluded.pending`,
    [version, name, JSON.stringify({ xid, outcome })],
  );
}

/**
 * Records the progress of a statement in batches for the case that an open transaction commits. synchronous_commit is off, because
 * the WAL of that transaction is written after this one's and flushes it too.
 */
export async function awaitProgress(
  client: Client,
  { version }: MigrationFile,
  xid: string,
  [now, then]: [Progress, Progress],
): Promise<void> {
  await client.query("BEGIN; SET LOCAL synchronous_commit = off");
  await client.query("UPDATE pgwright.migrations SET batch = $2, pending = $3 WHERE version = $1", [
    version,
    JSON.stringify(now),
    JSON.stringify({ xid, outcome: { batch: then } }),
  ]);
  await client.query("COMMIT");
}

/** Writes the row of a version, which then waits for no transaction. */
export async function write(client: Client, version: string, outcome: Outcome): Promise<void> {
  if (outcome === null) {
    await client.query("DELETE FROM pgwright.migrations WHERE version = $1", [version]);
    return;
  }
  const { name = null, hash = null, statements = null, finished = null, batch } = outcome;
  await client.query(
    `INSERT INTO pgwright.migrations AS m (version, name, hash, statements, finished_at, batch)
     VALUES ($1, coalesce($2, ''), coalesce($3, ''), coalesce($4, 0), CASE WHEN $5 THEN now() END, $6)
     ON CONFLICT (version) DO UPDATE
     SET name = coalesce($2, m.name), hash = coalesce($3, m.hash), statements = coalesce($4, m.statements),
       finished_at = CASE WHEN $5 THEN now() ELSE m.finished_at END, batch = CASE WHEN $7 THEN $6 ELSE m.batch END, pending = NULL`,
    [version, name, hash, statements, finished, batch ? JSON.stringify(batch) : null, batch !== undefined],
  );
}

/** Writes the rows by the status of their transactions, of all versions or one. Returns whether a transaction committed. */
export async function settle(client: Client, version?: string): Promise<boolean> {
  const deadline = Date.now() + ENDS_WITHIN_MS;
  for (;;) {
    const rows = ((await readLedgerRows(client)) ?? []).filter(
      (row) => row.status !== null && (version === undefined || row.version === version),
    );
    const open = rows.find(({ status }) => status === "in progress");
    if (open && Date.now() < deadline) {
      await sleep(200);
      continue;
    }
    const stuck = rows.find(({ status }) => status === "in progress" || status === "unknown");
    if (stuck) throw new Error(describeUndecided(stuck.version, stuck.xid ?? "", stuck.status as "unknown"));
    for (const row of rows) {
      if (row.status === "committed") await write(client, row.version, row.outcome);
      else await forget(client, row.version);
    }
    return rows.some(({ status }) => status === "committed");
  }
}

/** The error for a transaction that has not ended, or is too old for the server to know its status. */
export function describeUndecided(version: string, xid: string, status: "in progress" | "unknown"): string {
  const why = status === "unknown" ? "is too old for the server to know how it ended" : "has not ended";
  return (
    `migration ${version}: its transaction ${xid} ${why}; ` +
    `${status === "unknown" ? "check whether the migration was applied" : "end it, or wait"}, then run: UPDATE pgwright.migrations SET pending = NULL WHERE version = '${version}'` +
    (status === "unknown" ? " (with finished_at = now() if it was)" : "")
  );
}

/** After a rollback: restores the row, and deletes it if no statement is completed. */
async function forget(client: Client, version: string): Promise<void> {
  await client.query("UPDATE pgwright.migrations SET pending = NULL WHERE version = $1", [version]);
  await forgetUnbegun(client, version);
}

/** Progress of the statement in batches of an interrupted run. */
export async function readProgress(client: Client, version: string): Promise<Progress | undefined> {
  const sql = "SELECT batch FROM pgwright.migrations WHERE version = $1";
  const [row] = await rowsOf(client, { batch: storedJson<Progress | null>() }, sql, [version]);
  return row?.batch ?? undefined;
}

/** Deletes the row of a file without completed statements. */
export async function forgetUnbegun(client: Client, version: string): Promise<void> {
  await client.query(
    "DELETE FROM pgwright.migrations WHERE version = $1 AND finished_at IS NULL AND statements = 0 AND batch IS NULL",
    [version],
  );
}

/** Adds names and hashes to the rows of files that dbmate applied. */
export async function adoptHashes(client: Client, files: MigrationFile[]): Promise<void> {
  for (const { version, name, hash } of files) {
    await client.query(
      `UPDATE pgwright.migrations SET name = $2, hash = $3 WHERE version = $1 AND hash = '' AND finished_at IS NOT NULL`,
      [version, name, hash],
    );
  }
}
