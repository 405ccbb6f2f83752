import { setTimeout as sleep } from "node:timers/promises";
import type { Client, DatabaseError } from "pg";
import { escapeIdentifier as quoted } from "pg";
import type { MigrationFile, Section, Statement } from "./file";
import { createLedger, readLedger, type Applied } from "./ledger";

/** How long a statement may wait for a lock before it gives way to those that queue behind it. */
const LOCK_TIMEOUT = "3s";
/** Tries for a lock, with growing pauses: about a minute in all. */
const LOCK_TRIES = 10;
/** How long to wait for another applier. */
const APPLIER_WITHIN_MS = 600_000;
const RETRIED = ["55P03", "40P01"]; // lock_not_available, deadlock_detected

export interface Plan {
  up: MigrationFile[];
  down: MigrationFile[];
}

/**
 * What has to run so that exactly `files` up to version `target` are applied. Throws when an applied file was edited or is
 * missing, or when a new one is older than an applied one.
 */
export function planMigrations(files: MigrationFile[], applied: Applied[], target: string | undefined): Plan {
  const byVersion = new Map(files.map((file) => [BigInt(file.version), file]));
  const problems: string[] = [];
  for (const row of applied) {
    const file = byVersion.get(BigInt(row.version));
    if (!file) problems.push(`${row.version}_${row.name}.sql was applied and is missing: put it back`);
    else if (row.hash !== "" && row.hash !== file.hash) {
      problems.push(`${file.file} was applied and has been edited since: put it back as it was and write a new migration`);
    }
  }
  const done = new Set(applied.filter(({ finished }) => finished).map(({ version }) => BigInt(version)));
  const newest = [...done].reduce((a, b) => (a > b ? a : b), -1n);
  const wanted = files.filter(({ version }) => target === undefined || BigInt(version) <= BigInt(target));
  if (target !== undefined && !byVersion.has(BigInt(target))) problems.push(`target ${target} is no migration of the folder`);
  const up = wanted.filter(({ version }) => !done.has(BigInt(version)));
  for (const file of up) {
    if (BigInt(file.version) < newest) problems.push(`${file.file} is older than ${newest}, which was applied: give it a newer version`);
  }
  const down = files.filter((file) => done.has(BigInt(file.version)) && !wanted.includes(file)).reverse();
  for (const file of down) if (!file.down) problems.push(`${file.file} cannot be undone: it has nothing under "-- migrate:down"`);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return { up, down };
}

/** An error of PostgreSQL with file, line and SQLSTATE. */
function located(file: MigrationFile, statement: Statement, error: DatabaseError): Error {
  const position = Number(error.position ?? 0);
  const line = statement.line + (position > 0 ? statement.sql.slice(0, position - 1).split("\n").length - 1 : 0);
  const more = [error.detail, error.hint].filter(Boolean).map((each) => `\n  ${each}`);
  return new Error(`${file.file}:${line}: ${error.message} (SQLSTATE ${error.code})${more.join("")}`);
}

async function withLockRetry<T>(act: () => Promise<T>, info: (text: string) => void, what: string): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!RETRIED.includes((error as DatabaseError).code ?? "") || tries === LOCK_TRIES) throw error;
      info(`${what} waits for a lock that somebody else holds (try ${tries} of ${LOCK_TRIES})`);
      await sleep(Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()));
    }
  }
}

/** Who applies holds an advisory lock. It is polled for: whoever waits inside PostgreSQL blocks CREATE INDEX CONCURRENTLY. */
async function lockAppliers(client: Client): Promise<void> {
  const deadline = Date.now() + APPLIER_WITHIN_MS;
  for (;;) {
    const { rows } = await client.query("SELECT pg_try_advisory_lock(hashtext('pgwright'), hashtext('migrations')) AS mine");
    if (rows[0].mine) return;
    if (Date.now() > deadline) throw new Error(`another applier has held the lock for ${APPLIER_WITHIN_MS / 1000} s; it shows in pg_locks`);
    await sleep(500);
  }
}

/** Applies and undoes what the plan says; the connection is the superuser's and is used for nothing else. */
export async function runMigrations(
  client: Client,
  files: MigrationFile[],
  target: string | undefined,
  role: string,
  info: (text: string) => void,
): Promise<void> {
  await lockAppliers(client);
  await createLedger(client);
  const ledger = (await readLedger(client)) ?? [];
  const { up, down } = planMigrations(files, ledger, target);
  for (const file of down) await runSection(client, file, file.down as Section, role, info, { direction: "down", from: 0 });
  for (const file of up) {
    const begun = ledger.find(({ version, finished }) => version === file.version && !finished);
    await runSection(client, file, file.up, role, info, { direction: "up", from: begun?.statements ?? 0 });
  }
}

interface Progress {
  direction: "up" | "down";
  /** Statements that an interrupted run has done already (only without a transaction). */
  from: number;
}

async function enterRole(client: Client, role: string): Promise<void> {
  await client.query(`SET ROLE ${quoted(role)}; SET search_path = ''; SET lock_timeout = '${LOCK_TIMEOUT}'; SET statement_timeout = 0`);
}
const LEAVE_ROLE = "RESET ROLE; RESET search_path; RESET lock_timeout; RESET statement_timeout";

async function runSection(
  client: Client,
  file: MigrationFile,
  section: Section,
  role: string,
  info: (text: string) => void,
  { direction, from }: Progress,
): Promise<void> {
  const started = Date.now();
  if (section.transaction) {
    await withLockRetry(() => inTransaction(client, file, section, role, direction), info, file.file);
  } else {
    await oneByOne(client, file, section, role, info, { direction, from });
  }
  info(`${direction === "up" ? "applied" : "undid"} ${file.file} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

async function record(client: Client, file: MigrationFile, direction: "up" | "down"): Promise<void> {
  if (direction === "down") await client.query("DELETE FROM pgwright.migrations WHERE version = $1", [file.version]);
  else {
    await client.query(
      `INSERT INTO pgwright.migrations (version, name, hash, statements) VALUES ($1, $2, $3, $4)
       ON CONFLICT (version) DO UPDATE SET hash = excluded.hash, statements = excluded.statements, finished_at = now()`,
      [file.version, file.name, file.hash, file.up.statements.length],
    );
  }
}

async function inTransaction(client: Client, file: MigrationFile, section: Section, role: string, direction: "up" | "down"): Promise<void> {
  await client.query("BEGIN");
  let statement = section.statements[0] as Statement;
  try {
    await enterRole(client, role);
    for (statement of section.statements) await client.query(statement.sql);
    await client.query(LEAVE_ROLE);
    await record(client, file, direction);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    const failure = error as DatabaseError;
    if (RETRIED.includes(failure.code ?? "")) throw Object.assign(located(file, statement, failure), { code: failure.code });
    throw located(file, statement, failure);
  }
}

async function oneByOne(
  client: Client,
  file: MigrationFile,
  section: Section,
  role: string,
  info: (text: string) => void,
  { direction, from }: Progress,
): Promise<void> {
  if (direction === "up") {
    await client.query(
      "INSERT INTO pgwright.migrations (version, name, hash, finished_at) VALUES ($1, $2, $3, NULL) ON CONFLICT (version) DO NOTHING",
      [file.version, file.name, file.hash],
    );
  }
  for (const [i, statement] of section.statements.entries()) {
    if (i < from) continue;
    const act = async () => {
      await dropInvalidIndex(client, statement, info);
      await enterRole(client, role);
      try {
        await client.query(statement.sql);
      } finally {
        await client.query(LEAVE_ROLE);
      }
    };
    try {
      await withLockRetry(act, info, file.file);
    } catch (error) {
      await dropInvalidIndex(client, statement, info);
      // Nothing done: as before. Something done: the next run goes on from here.
      if (direction === "up" && i === 0) await client.query("DELETE FROM pgwright.migrations WHERE version = $1", [file.version]);
      throw located(file, statement, error as DatabaseError);
    }
    if (direction === "up") await client.query("UPDATE pgwright.migrations SET statements = $2 WHERE version = $1", [file.version, i + 1]);
  }
  await record(client, file, direction);
}

/** CREATE INDEX CONCURRENTLY that fails or is killed leaves an invalid index under its name. */
async function dropInvalidIndex(client: Client, { concurrentIndex }: Statement, info: (text: string) => void): Promise<void> {
  if (!concurrentIndex) return;
  const { rows } = await client.query(
    `SELECT n.nspname, c.relname FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE NOT indisvalid AND c.relname = $1 AND ($2::text IS NULL OR n.nspname = $2)`,
    [concurrentIndex.name, concurrentIndex.schema ?? null],
  );
  for (const { nspname, relname } of rows) {
    info(`dropping invalid index ${nspname}.${relname}`);
    await client.query(`DROP INDEX CONCURRENTLY ${quoted(nspname)}.${quoted(relname)}`);
  }
}
