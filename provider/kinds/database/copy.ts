import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../../sql/read";
import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { withRunRole } from "../../run-role";
import { ask, leave, withDatabase } from "../../session";
import { ELSEWHERE, type CopyInputs } from "./inputs";
import { describeMasks, parseMasks, runMasks, type Mask } from "./mask";
import { copyStatement, finishStatements, maskingStatements, unfinishedName } from "./statements";

/** How long sessions of the source are waited for. */
const UNUSED_WITHIN_MS = 10_000;
/** Tries, where somebody connects just before the copy begins. */
const TRIES = 3;

interface Source {
  size: string;
  owner: string;
  ownerIsSuperuser: boolean;
  /** It can be looked into. */
  allowsConnections: boolean;
}

async function find(client: Client, name: string): Promise<Source | undefined> {
  const { rows } = await client.query<Source>(
    `SELECT pg_size_pretty(pg_database_size(d.oid)) AS size, datallowconn AS "allowsConnections",
       rolname AS owner, rolsuper AS "ownerIsSuperuser"
     FROM pg_catalog.pg_database AS d JOIN pg_catalog.pg_roles AS r ON r.oid = datdba WHERE datname = $1`,
    [name],
  );
  return rows[0];
}

/** Who is connected; without those of pgwright, if they come and go while a preview looks around. */
async function sessionsOf(client: Client, name: string, withoutOurs: boolean): Promise<string[]> {
  const { rows } = await client.query<{ session: string }>(readSql("catalog/database-sessions.sql"), [
    name,
    withoutOurs,
  ]);
  return rows.map(({ session }) => session);
}

async function notThere(client: Client, { name, copyOf: { database } }: CopyInputs): Promise<Error> {
  const { rows } = await client.query<{ names: string }>(
    "SELECT string_agg(datname, ', ' ORDER BY datname) AS names FROM pg_database WHERE NOT datistemplate OR datname = $1",
    [database],
  );
  return new Error(
    `database ${name} should be a copy of ${database}, and there is no such database; there are ${rows[0]?.names}`,
  );
}

function inUse(source: string, sessions: string[]): Error {
  return new Error(
    [
      `database ${source} cannot be copied while somebody is connected to it. Connected are:`,
      ...sessions.map((each) => `  ${each}`),
      "End them (SELECT pg_terminate_backend(PID) ends a session, ROLLBACK PREPARED a prepared transaction), keep others out with " +
        "connectionLimit: 0 on that database, and run the same again",
    ].join("\n"),
  );
}

async function holdsCron(client: Client): Promise<boolean> {
  return (await client.query("SELECT FROM pg_extension WHERE extname = 'pg_cron'")).rows.length > 0;
}

function cronInside(source: string): Error {
  return new Error(
    `database ${source} holds pg_cron, and its jobs would come along: DROP EXTENSION pg_cron there, or copy another database`,
  );
}

/** Says in a preview what will be copied, and what stands in the way. `down`: there is no server to ask yet. */
export async function explainCopy(inputs: CopyInputs, down: boolean, { host, info, warn }: Operation): Promise<void> {
  const { database: source, run } = inputs.copyOf;
  const { strategy, declared } = inputs.copying;
  const masks = await parseMasks(run);
  const then = masks.length > 0 ? `; before anybody else can connect, ${describeMasks(masks)} is run` : "";
  if (down && !declared) return info(`COPY of database ${source}, which the server must have by then${then}`);
  const found = down ? undefined : await ask(host, ELSEWHERE, (client) => find(client, source), undefined);
  if (!found) {
    if (declared) return info(`COPY of database ${source}, once that is made${then}`);
    throw await ask(host, ELSEWHERE, (client) => notThere(client, inputs), new Error(`no database ${source}`));
  }
  const costs = strategy === "wal_log" ? "up to as much WAL" : "two checkpoints";
  info(
    `COPY of database ${source}, ${found.size}, by ${strategy} (${costs})${then}${masks.length > 0 ? ` as role ${roleOf(inputs, found)}` : ""}`,
  );
  const sessions = await ask(host, ELSEWHERE, (client) => sessionsOf(client, source, true), []);
  if (sessions.length > 0)
    warn(
      `connected to ${source}; the copy waits ${UNUSED_WITHIN_MS / 1000} s for their end, and fails then:`,
      ...sessions,
    );
  if (found.allowsConnections && (await ask(host, source, holdsCron, false))) throw cronInside(source);
}

async function untilUnused(client: Client, source: string): Promise<void> {
  const deadline = Date.now() + UNUSED_WITHIN_MS;
  for (;;) {
    const sessions = await sessionsOf(client, source, false);
    if (sessions.length === 0) return;
    if (Date.now() > deadline) throw inUse(source, sessions);
    await sleep(250);
  }
}

/** A backup that goes on when the files are copied, once restored, could have pages of the source in the copy that are newer than it. */
async function mustNotBackUp(client: Client, source: string): Promise<void> {
  const { rows } = await client.query(
    `SELECT FROM pg_stat_activity WHERE application_name = 'pgBackRest [backup]'
     UNION ALL SELECT FROM pg_stat_progress_basebackup`,
  );
  if (rows.length === 0) return;
  throw new Error(
    `database ${source} cannot be copied by file_copy while a backup is made: a restore of that could damage the copy. ` +
      "Run the same again after the backup, or write strategy: wal_log",
  );
}

/** Makes the copy under its first name. Returns what its source is. */
async function copyFiles(client: Client, inputs: CopyInputs): Promise<Source> {
  const source = inputs.copyOf.database;
  const { strategy } = inputs.copying;
  const found = await find(client, source);
  if (!found) throw await notThere(client, inputs);
  if (strategy === "file_copy") await mustNotBackUp(client, source);
  await client.query("SET statement_timeout = 0; SET transaction_timeout = 0");
  for (let tries = 1; ; tries += 1) {
    await untilUnused(client, source);
    try {
      await client.query(copyStatement(source, { ...inputs, strategy }));
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== "55006") throw error;
      if (tries === TRIES) throw inUse(source, await sessionsOf(client, source, false));
    }
  }
  if (strategy === "file_copy") await mustNotBackUp(client, source);
  return found;
}

/** The role that masks a copy, and so the role of the triggers, defaults and generated columns of its tables. */
function roleOf({ owner, copyOf: { role } }: CopyInputs, source: Source): string {
  return role ?? (source.ownerIsSuperuser ? owner : source.owner);
}

async function mask(host: Host, copy: string, inputs: CopyInputs, role: string, masks: Mask[]): Promise<void> {
  const elsewhere = (statements: string) => withDatabase(host, ELSEWHERE, (client) => client.query(statements));
  const { before, after } = maskingStatements(inputs);
  try {
    if (await withDatabase(host, copy, holdsCron)) throw cronInside(inputs.copyOf.database);
    if (masks.length === 0) return;
    await elsewhere(before);
    await withRunRole(host, copy, role, (client) => runAs(role, client, masks), { grantConnect: true });
    await elsewhere(after);
  } finally {
    await leave(host, copy); // it is renamed, or dropped
  }
}

async function runAs(role: string, client: Client, masks: Mask[]): Promise<void> {
  await client.query("SET statement_timeout = 0; SET transaction_timeout = 0");
  await runMasks(client, masks).catch((error: Error) => {
    if (!/permission denied|must be (owner|superuser)/.test(error.message)) throw error;
    throw new Error(
      `${error.message}; it runs as role ${role}: grant that what it needs, or write another copyOf.role`,
    );
  });
}

/** Makes the copy, masks it, and gives it its name. Where something fails there is no copy. */
export async function makeCopy(inputs: CopyInputs, { host, info }: Operation): Promise<void> {
  const { database: source, run } = inputs.copyOf;
  const copy = unfinishedName(inputs.name);
  const masks = await parseMasks(run);
  const elsewhere = <T>(use: (client: Client) => Promise<T>) => withDatabase(host, ELSEWHERE, use);
  const drop = () => elsewhere((client) => client.query(`DROP DATABASE IF EXISTS ${quoted(copy)} WITH (FORCE)`));
  const started = Date.now();
  let role: string;
  await drop(); // what a killed run has left
  await leave(host, source);
  try {
    role = roleOf(inputs, await elsewhere((client) => copyFiles(client, inputs)));
    await mask(host, copy, inputs, role, masks);
    await elsewhere((client) => client.query(finishStatements(inputs).join("; "))); // in one transaction
  } catch (error) {
    const left = await drop().then(
      () => "nothing was changed",
      () => `${copy} is left, which the next up drops`,
    );
    throw new Error(`there is no database ${inputs.name}, and ${left}: ${(error as Error).message}`);
  }
  const { size } = (await elsewhere((client) => find(client, inputs.name))) as Source;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  info(
    `copied from ${source}, ${size}, in ${seconds} s${masks.length > 0 ? `; run in it: ${describeMasks(masks)}, as role ${role}` : ""}`,
  );
}
