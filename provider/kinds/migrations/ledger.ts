import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { readSql } from "../../../sql/read";
import { mustOwnSchema } from "../../connection";
import type { MigrationFile } from "./file";

// The ledger pgwright.migrations. Only the superuser's session writes it, and migrations run in another one, which may do no more
// than their role. So a row says beforehand what it becomes when the transaction of that other session commits (`awaitCommit`):
// whatever is killed in between, the status of the transaction decides.

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
  /** A transaction that decides about the row, and has not ended; or nobody knows any more how. */
  waits?: { xid: string; status: "in progress" | "unknown" };
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

/** What a row becomes when a transaction commits; null: it goes. */
export type Outcome = Partial<Pick<Applied, "name" | "hash" | "statements" | "finished" | "batch">> | null;

interface Row extends Applied {
  outcome: Outcome;
  xid: string | null;
  status: "committed" | "aborted" | "in progress" | "unknown" | null;
}

/** How long a transaction may take to end that was to commit already. */
const ENDS_WITHIN_MS = 60_000;

/** Whether there is a ledger. That it is pgwright's own is known from the begin of the session. */
async function isThere(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ plain: boolean }>(readSql("catalog/migrations-there.sql"));
  const [found] = rows;
  if (found && !found.plain) throw new Error("pgwright.migrations is no table; drop it");
  return found !== undefined;
}

async function readRows(client: Client): Promise<Row[] | undefined> {
  if (!(await isThere(client))) return undefined;
  return (await client.query<Row>(readSql("catalog/migrations-read.sql"))).rows;
}

/** A row as the transaction has left it that it waits for. */
function decided({ outcome, xid, status, ...row }: Row): Applied[] {
  if (status === "committed") return outcome === null ? [] : [{ ...row, ...outcome }];
  if (status === "in progress" || status === "unknown") return [{ ...row, waits: { xid: xid ?? "", status } }];
  return [row];
}

/** What was applied; undefined if no migration ever was. */
export async function readLedger(client: Client): Promise<Applied[] | undefined> {
  return (await readRows(client))?.flatMap(decided);
}

export async function createLedger(client: Client): Promise<void> {
  await isThere(client);
  await client.query(readSql("catalog/migrations-ledger.sql"));
  await mustOwnSchema(client);
}

/** A file is applied as a whole. */
export const applied = ({ name, hash, up }: MigrationFile): Outcome => ({
  name,
  hash,
  statements: up.statements.length,
  finished: true,
  batch: null,
});

/** The first `done` statements of a file are applied; `hash`: see hashOfDone. */
export const begun = (done: number, hash: string): Outcome => ({ statements: done, hash, batch: null });

/** Says what the row of a version becomes if a transaction commits, which is still open. */
export async function awaitCommit(client: Client, { version, name }: MigrationFile, xid: string, outcome: Outcome) {
  await client.query(
    `INSERT INTO pgwright.migrations (version, name, finished_at, pending) VALUES ($1, $2, NULL, $3)
     ON CONFLICT (version) DO UPDATE SET pending = excluded.pending`,
    [version, name, JSON.stringify({ xid, outcome })],
  );
}

/**
 * Says how far a statement in batches is if a transaction commits, which is still open. It need not be on disk before that is:
 * what is written later reaches it later.
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

/** Sets the row of a version to what it is now, and what it awaits is over. */
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

/** Brings rows to what the transactions have made of them that they wait for; of all versions, or one. Says whether any has committed. */
export async function settle(client: Client, version?: string): Promise<boolean> {
  const deadline = Date.now() + ENDS_WITHIN_MS;
  for (;;) {
    const rows = ((await readRows(client)) ?? []).filter(
      (row) => row.status !== null && (version === undefined || row.version === version),
    );
    const open = rows.find(({ status }) => status === "in progress");
    if (open && Date.now() < deadline) {
      await sleep(200);
      continue;
    }
    const stuck = rows.find(({ status }) => status === "in progress" || status === "unknown");
    if (stuck) throw new Error(undecided(stuck.version, stuck.xid ?? "", stuck.status as "unknown"));
    for (const row of rows) {
      if (row.status === "committed") await write(client, row.version, row.outcome);
      else await forget(client, row.version);
    }
    return rows.some(({ status }) => status === "committed");
  }
}

/** What to do about a row whose transaction has not ended, or is too old for the server to know. */
export function undecided(version: string, xid: string, status: "in progress" | "unknown"): string {
  const why = status === "unknown" ? "is too old for the server to know how it ended" : "has not ended";
  return (
    `migration ${version}: its transaction ${xid} ${why}; ` +
    `${status === "unknown" ? "look whether it was applied" : "end it, or wait"}, then run: UPDATE pgwright.migrations SET pending = NULL WHERE version = '${version}'` +
    (status === "unknown" ? " (with finished_at = now() if it was)" : "")
  );
}

/** A transaction was rolled back: the row is as it was before, and one in which nothing is done goes. */
async function forget(client: Client, version: string): Promise<void> {
  await client.query("UPDATE pgwright.migrations SET pending = NULL WHERE version = $1", [version]);
  await forgetUnbegun(client, version);
}

/** How far the statement in batches is that an interrupted run has begun. */
export async function readProgress(client: Client, version: string): Promise<Progress | undefined> {
  const { rows } = await client.query("SELECT batch FROM pgwright.migrations WHERE version = $1", [version]);
  return rows[0]?.batch ?? undefined;
}

/** Nothing of a file is done. */
export async function forgetUnbegun(client: Client, version: string): Promise<void> {
  await client.query(
    "DELETE FROM pgwright.migrations WHERE version = $1 AND finished_at IS NULL AND statements = 0 AND batch IS NULL",
    [version],
  );
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
