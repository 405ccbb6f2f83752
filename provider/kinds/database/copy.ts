import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { withRunRole } from "../../run-role";
import { ask, closeConnections, sqlState, withDatabase } from "../../session";
import { MAINTENANCE_DATABASE, type CopyInputs } from "./inputs";
import { describeMasks, parseMasks, runMasks, type Mask } from "./mask";
import { copyStatement, finishStatements, maskingStatements, unfinishedName } from "./statements";

/** Longest wait for the sessions of the source to end. */
const UNUSED_WITHIN_MS = 10_000;
/** Tries if a session connects just before the copy begins. */
const TRIES = 3;

type Source = RowOf<typeof COPY_SOURCE>;
export const COPY_SOURCE = catalogQuery("copy-source", {
  size: z.string(),
  owner: z.string(),
  ownerIsSuperuser: z.boolean(),
  allowsConnections: z.boolean(),
});

async function find(client: Client, name: string): Promise<Source | undefined> {
  return (await readRows(client, COPY_SOURCE, name))[0];
}

export const DATABASE_SESSIONS = catalogQuery("database-sessions", { session: z.string() });

/** The sessions of a database. `withoutOurs` omits those of pgwright, which a preview opens and closes. */
async function sessionsOf(client: Client, name: string, withoutOurs: boolean): Promise<string[]> {
  const rows = await readRows(client, DATABASE_SESSIONS, name, withoutOurs);
  return rows.map(({ session }) => session);
}

async function missingSource(client: Client, { name, copyOf: { database } }: CopyInputs): Promise<Error> {
  const [others] = await rowsOf(
    client,
    { names: z.string().nullable() },
    `SELECT pg_catalog.string_agg(datname, ', ' ORDER BY datname) AS names
     FROM pg_catalog.pg_database WHERE NOT datistemplate OR datname = $1`,
    [database],
  );
  return new Error(`database ${name}: database ${database} of copyOf does not exist; write one of ${others?.names}`);
}

function sourceInUse(source: string, sessions: string[]): Error {
  return new Error(
    [
      `database ${source} cannot be copied while it is in use:`,
      ...sessions.map((each) => `  ${each}`),
      "end the sessions (SELECT pg_terminate_backend(PID)) and prepared transactions (ROLLBACK PREPARED), set connectionLimit: 0 " +
        "on that database to keep new sessions out, and run the update again",
    ].join("\n"),
  );
}

async function hasCron(client: Client): Promise<boolean> {
  return (await rowsOf(client, {}, "SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_cron'")).length > 0;
}

function cronInSource(source: string): Error {
  return new Error(
    `database ${source} has the extension pg_cron, whose jobs would be copied; run DROP EXTENSION pg_cron there, or copy another database`,
  );
}

/** Reports the copy in a preview, and throws if it is not possible. `down`: the server cannot be read yet. */
export async function explainCopy(inputs: CopyInputs, down: boolean, { host, info, warn }: Operation): Promise<void> {
  const { database: source, run } = inputs.copyOf;
  const { strategy, declared } = inputs.copying;
  const masks = await parseMasks(run);
  const masking = masks.length > 0 ? `; before other roles can connect, the update runs ${describeMasks(masks)}` : "";
  if (down && !declared) return info(`COPY of database ${source}, which must exist when the update runs${masking}`);
  const found = down ? undefined : await ask(host, MAINTENANCE_DATABASE, (client) => find(client, source), undefined);
  if (!found) {
    if (declared) return info(`COPY of database ${source}, after this update has created it${masking}`);
    throw await ask(
      host,
      MAINTENANCE_DATABASE,
      (client) => missingSource(client, inputs),
      new Error(`database ${source} does not exist`),
    );
  }
  const costs = strategy === "wal_log" ? "up to as much WAL" : "two checkpoints";
  info(
    `COPY of database ${source}, ${found.size}, by ${strategy} (${costs})${masking}${masks.length > 0 ? ` as role ${roleOf(inputs, found)}` : ""}`,
  );
  const sessions = await ask(host, MAINTENANCE_DATABASE, (client) => sessionsOf(client, source, true), []);
  if (sessions.length > 0)
    warn(
      `database ${source} is in use; the update waits ${UNUSED_WITHIN_MS / 1000} s for these sessions to end, then fails:`,
      ...sessions,
    );
  if (found.allowsConnections && (await ask(host, source, hasCron, false))) throw cronInSource(source);
}

async function waitUntilUnused(client: Client, source: string): Promise<void> {
  const deadline = Date.now() + UNUSED_WITHIN_MS;
  for (;;) {
    const sessions = await sessionsOf(client, source, false);
    if (sessions.length === 0) return;
    if (Date.now() > deadline) throw sourceInUse(source, sessions);
    await sleep(250);
  }
}

/** Throws during a backup: a restore of it could put pages into the copy that are newer than the copy. */
async function mustNotBackUp(client: Client, source: string): Promise<void> {
  const rows = await rowsOf(
    client,
    {},
    `SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = 'pgBackRest [backup]'
     UNION ALL SELECT FROM pg_catalog.pg_stat_progress_basebackup`,
  );
  if (rows.length === 0) return;
  throw new Error(
    `database ${source} cannot be copied by file_copy during a backup, because a restore of the backup could damage the copy; ` +
      "run the update again after the backup, or write strategy: wal_log",
  );
}

/** Creates the copy under its unfinished name. Returns the source. */
async function copyFiles(client: Client, inputs: CopyInputs): Promise<Source> {
  const source = inputs.copyOf.database;
  const { strategy } = inputs.copying;
  const found = await find(client, source);
  if (!found) throw await missingSource(client, inputs);
  if (strategy === "file_copy") await mustNotBackUp(client, source);
  await client.query("SET statement_timeout = 0; SET transaction_timeout = 0");
  for (let tries = 1; ; tries += 1) {
    await waitUntilUnused(client, source);
    try {
      await client.query(copyStatement(source, { ...inputs, strategy }));
      break;
    } catch (error) {
      if (sqlState(error) !== "55006") throw error;
      if (tries === TRIES) throw sourceInUse(source, await sessionsOf(client, source, false));
    }
  }
  if (strategy === "file_copy") await mustNotBackUp(client, source);
  return found;
}

/** The role that runs the masks, and with them the triggers, defaults and generated columns of the tables. */
function roleOf({ owner, copyOf: { role } }: CopyInputs, source: Source): string {
  return role ?? (source.ownerIsSuperuser ? owner : source.owner);
}

async function mask(host: Host, copy: string, inputs: CopyInputs, role: string, masks: Mask[]): Promise<void> {
  const onServer = (statements: string) =>
    withDatabase(host, MAINTENANCE_DATABASE, (client) => client.query(statements));
  const { before, after } = maskingStatements(inputs);
  try {
    if (await withDatabase(host, copy, hasCron)) throw cronInSource(inputs.copyOf.database);
    if (masks.length === 0) return;
    await onServer(before);
    await withRunRole(host, copy, role, (client) => runAs(role, client, masks), { grantConnect: true });
    await onServer(after);
  } finally {
    await closeConnections(host, copy); // a connection would prevent RENAME and DROP
  }
}

async function runAs(role: string, client: Client, masks: Mask[]): Promise<void> {
  await client.query("SET statement_timeout = 0; SET transaction_timeout = 0");
  await runMasks(client, masks).catch((error: Error) => {
    if (!/permission denied|must be (owner|superuser)/.test(error.message)) throw error;
    throw new Error(
      `${error.message}; the file runs as role ${role}: grant this role the missing privileges, or write another copyOf.role`,
    );
  });
}

/** Creates the copy, masks it, and renames it. If a step fails, the copy is dropped. */
export async function makeCopy(inputs: CopyInputs, { host, info }: Operation): Promise<void> {
  const { database: source, run } = inputs.copyOf;
  const copy = unfinishedName(inputs.name);
  const masks = await parseMasks(run);
  const onServer = <T>(use: (client: Client) => Promise<T>) => withDatabase(host, MAINTENANCE_DATABASE, use);
  const drop = () => onServer((client) => client.query(`DROP DATABASE IF EXISTS ${quoted(copy)} WITH (FORCE)`));
  const started = Date.now();
  let role: string;
  await drop(); // the unfinished copy of a killed run
  await closeConnections(host, source);
  try {
    role = roleOf(inputs, await onServer((client) => copyFiles(client, inputs)));
    await mask(host, copy, inputs, role, masks);
    await onServer((client) => client.query(finishStatements(inputs).join("; "))); // in one transaction
  } catch (error) {
    const outcome = await drop().then(
      () => "nothing was changed",
      () => `the next update drops the unfinished copy ${copy}`,
    );
    throw new Error(`database ${inputs.name} was not created, and ${outcome}: ${(error as Error).message}`);
  }
  const { size } = (await onServer((client) => find(client, inputs.name))) as Source;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  info(
    `copied from ${source}, ${size}, in ${seconds} s${masks.length > 0 ? `; ran ${describeMasks(masks)} as role ${role}` : ""}`,
  );
}
