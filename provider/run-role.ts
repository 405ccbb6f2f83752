import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../sql/read";
import { RUN_ROLE_PREFIX } from "../tuning/pg-hba";
import { connect } from "./connection";
import type { Host } from "./host";
import { withDatabase } from "./session";
import { RUN_OPTIONS } from "./session-options";

// Code that users own (migrations, triggers, defaults, policies, functions) runs in sessions that may do no more than the role
// it runs as. SET ROLE in a superuser's session is no border: RESET ROLE leads back. So each run has a role of its own, which
// may do nothing but become the role that the code runs as.

/** How long the session of a run may take to end, once it was asked to. */
const ENDS_WITHIN_MS = 10_000;
/** The session that makes the role of a run holds this lock while it uses it. */
const LOCK = "pg_catalog.hashtext('pgwright_run'), pg_catalog.hashtext($1)";
/** undefined_object, dependent_objects_still_exist */
const GONE_OR_NEEDED = ["42704", "2BP01"];

/**
 * Runs `use` with a session whose authenticated user has no privileges and may become only `role`; SET ROLE has been run.
 * `admin` is a superuser's session of the same database, for what is not the role's. The role of the run is dropped at the end;
 * one of a run that was killed is dropped by the next. For a superuser, who may do everything, the session is a superuser's.
 */
export async function withRunRole<T>(
  host: Host,
  database: string,
  role: string,
  use: (client: Client, admin: Client) => Promise<T>,
  /** Of the database, where the role itself may not connect to it. */
  { grantConnect = false } = {},
): Promise<T> {
  return withDatabase(host, database, async (admin) => {
    const within = (user: string) => inSession(host, database, user, role, (client) => use(client, admin));
    if (await isSuperuser(admin, role)) return within("postgres");
    const run = `${RUN_ROLE_PREFIX}${randomBytes(8).toString("hex")}`;
    await removeFinished(admin);
    await admin.query(`SELECT pg_catalog.pg_advisory_lock(${LOCK})`, [run]);
    // CONNECT is inherited from the role, whatever else PUBLIC may not do in this database.
    await admin.query(
      `CREATE ROLE ${quoted(run)} LOGIN NOINHERIT CONNECTION LIMIT 2;
       GRANT ${quoted(role)} TO ${quoted(run)} WITH INHERIT TRUE, SET TRUE, ADMIN FALSE`,
    );
    if (grantConnect && !(await mayConnect(admin, role)))
      await undisturbed(() => admin.query(`GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(run)}`));
    let result: T;
    try {
      result = await inSession(host, database, run, role, async (client) => {
        // What runs after a RESET ROLE may do nothing, rather than make objects that nobody owns afterwards.
        await admin.query(`GRANT ${quoted(role)} TO ${quoted(run)} WITH INHERIT FALSE`);
        return use(client, admin);
      });
    } catch (error) {
      await remove(admin, run, role).catch(() => undefined); // the server may be gone; the next run drops the role
      throw error;
    }
    await remove(admin, run, role);
    return result;
  });
}

/** Whether a role is a superuser; one that does not exist is none. */
export async function isSuperuser(client: Client, role: string): Promise<boolean> {
  const { rows } = await client.query<{ rolsuper: boolean }>(
    "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1",
    [role],
  );
  return rows[0]?.rolsuper ?? false;
}

async function mayConnect(client: Client, role: string): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    "SELECT pg_catalog.has_database_privilege($1, pg_catalog.current_database(), 'CONNECT') AS may",
    [role],
  );
  return rows[0]?.may ?? false;
}

/** Two sessions that change privileges of one database at once: PostgreSQL ends one of them with an error, which changes nothing. */
async function undisturbed(change: () => Promise<unknown>, tries = 10): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (tries <= 1 || !/^tuple concurrently /.test((error as Error).message)) throw error;
    await setTimeout(50 + 200 * Math.random());
    await undisturbed(change, tries - 1);
  }
}

async function inSession<T>(
  host: Host,
  database: string,
  user: string,
  role: string,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(host, database, { user, options: RUN_OPTIONS });
  try {
    await client.query(`SET ROLE ${quoted(role)}`);
    return await use(client);
  } finally {
    await client.end().catch(() => undefined); // the connection may be gone
  }
}

/** Drops the role of this run. What the run made after a RESET ROLE, where PUBLIC may make objects, goes to its role. */
async function remove(admin: Client, run: string, role: string): Promise<void> {
  await admin.query(
    "SELECT pg_catalog.pg_terminate_backend(pid, $2) FROM pg_catalog.pg_stat_activity WHERE usename = $1",
    [run, ENDS_WITHIN_MS],
  );
  await admin.query(`REASSIGN OWNED BY ${quoted(run)} TO ${quoted(role)}`);
  await drop(admin, run);
}

async function drop(admin: Client, run: string): Promise<void> {
  await undisturbed(() => admin.query(`DROP OWNED BY ${quoted(run)}; DROP ROLE ${quoted(run)}`));
}

/** Drops what killed runs have left, unless another run is doing so; a role that another database knows stays for a run there. */
async function removeFinished(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ name: string }>(readSql("catalog/run-roles.sql"));
  for (const { name } of rows) {
    const { rows: locked } = await admin.query<{ mine: boolean }>(
      `SELECT pg_catalog.pg_try_advisory_lock(${LOCK}) AS mine`,
      [name],
    );
    if (!locked[0]?.mine) continue;
    try {
      await drop(admin, name);
    } catch (error) {
      if (!GONE_OR_NEEDED.includes((error as { code?: string }).code ?? "")) throw error;
    } finally {
      await admin.query(`SELECT pg_catalog.pg_advisory_unlock(${LOCK})`, [name]);
    }
  }
}
