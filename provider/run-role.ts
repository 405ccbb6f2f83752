import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { RUN_ROLE_PREFIX } from "../tuning/pg-hba";
import { catalogQuery, readRows, rowsOf } from "./catalog-query";
import { connect } from "./connection";
import type { Host } from "./host";
import { sqlState, withDatabase } from "./session";
import { RUN_OPTIONS } from "./session-options";

// Code of users (migrations, triggers, defaults, policies, functions) runs in sessions that have only the privileges of the role
// it runs as. SET ROLE in a superuser's session does not confine it, since RESET ROLE reverts to the superuser. So each run has its
// own role, whose only privilege is to become the role that the code runs as.

/** How long pg_terminate_backend waits for the session of a run. */
const ENDS_WITHIN_MS = 10_000;
/** The session that creates the role of a run holds this lock while it uses the role. */
const LOCK = "pg_catalog.hashtext('pgwright_run'), pg_catalog.hashtext($1)";
/** undefined_object, dependent_objects_still_exist */
const GONE_OR_NEEDED = ["42704", "2BP01"];

/**
 * Runs `use` with a session whose session user has no privileges and can become only `role`; SET ROLE has been run. `admin` is a
 * superuser's session in the same database, for work that the role must not do. The role of the run is dropped at the end; the
 * next run drops the role of a killed run. If `role` is a superuser, the session is one of postgres.
 */
export async function withRunRole<T>(
  host: Host,
  database: string,
  role: string,
  use: (client: Client, admin: Client) => Promise<T>,
  /** Grants the role of the run CONNECT on the database if `role` does not have it. */
  { grantConnect = false } = {},
): Promise<T> {
  return withDatabase(host, database, async (admin) => {
    const within = (user: string) => inSession(host, database, user, role, (client) => use(client, admin));
    if (await isSuperuser(admin, role)) return within("postgres");
    const run = `${RUN_ROLE_PREFIX}${randomBytes(8).toString("hex")}`;
    await removeFinished(admin);
    await admin.query(`SELECT pg_catalog.pg_advisory_lock(${LOCK})`, [run]);
    // CONNECT is inherited from the role, since PUBLIC may not have it in this database.
    await admin.query(
      `CREATE ROLE ${quoted(run)} LOGIN NOINHERIT CONNECTION LIMIT 2;
       GRANT ${quoted(role)} TO ${quoted(run)} WITH INHERIT TRUE, SET TRUE, ADMIN FALSE`,
    );
    if (grantConnect && !(await mayConnect(admin, role)))
      await retryConcurrentUpdate(() => admin.query(`GRANT CONNECT ON DATABASE ${quoted(database)} TO ${quoted(run)}`));
    let result: T;
    try {
      result = await inSession(host, database, run, role, async (client) => {
        // After a RESET ROLE, the session has no privileges, so it cannot create objects owned by the role of the run.
        await admin.query(`GRANT ${quoted(role)} TO ${quoted(run)} WITH INHERIT FALSE`);
        return use(client, admin);
      });
    } catch (error) {
      await remove(admin, run, role).catch(() => undefined); // the server may be down; the next run drops the role
      throw error;
    }
    await remove(admin, run, role);
    return result;
  });
}

/** Runs functions of a library in a session of a table's owner: access to the table can run the owner's code. */
export const asOwner = <T>(host: Host, database: string, owner: string, use: (client: Client) => Promise<T>) =>
  withRunRole(
    host,
    database,
    owner,
    async (client) => {
      await client.query("SET search_path = ''");
      return use(client);
    },
    { grantConnect: true },
  );

/** True if the role exists and is a superuser. */
export async function isSuperuser(client: Client, role: string): Promise<boolean> {
  const [found] = await rowsOf(
    client,
    { rolsuper: z.boolean() },
    "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1",
    [role],
  );
  return found?.rolsuper ?? false;
}

async function mayConnect(client: Client, role: string): Promise<boolean> {
  const [privilege] = await rowsOf(
    client,
    { may: z.boolean() },
    "SELECT pg_catalog.has_database_privilege($1, pg_catalog.current_database(), 'CONNECT') AS may",
    [role],
  );
  return privilege?.may ?? false;
}

/** Retries `change`: when two sessions change privileges of one database at once, PostgreSQL cancels one of them with an error. */
async function retryConcurrentUpdate(change: () => Promise<unknown>, tries = 10): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (tries <= 1 || !/^tuple concurrently /.test((error as Error).message)) throw error;
    await setTimeout(50 + 200 * Math.random());
    await retryConcurrentUpdate(change, tries - 1);
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
    await client.end().catch(() => undefined); // the connection may be closed
  }
}

/** Drops the role of this run. Objects that the run created after a RESET ROLE, if PUBLIC may create them, go to `role`. */
async function remove(admin: Client, run: string, role: string): Promise<void> {
  await admin.query(
    "SELECT pg_catalog.pg_terminate_backend(pid, $2) FROM pg_catalog.pg_stat_activity WHERE usename = $1",
    [run, ENDS_WITHIN_MS],
  );
  await admin.query(`REASSIGN OWNED BY ${quoted(run)} TO ${quoted(role)}`);
  await drop(admin, run);
}

async function drop(admin: Client, run: string): Promise<void> {
  await retryConcurrentUpdate(() => admin.query(`DROP OWNED BY ${quoted(run)}; DROP ROLE ${quoted(run)}`));
}

export const RUN_ROLES = catalogQuery("run-roles", { name: z.string() });

/** Drops roles of killed runs, unless another run is doing so. A role with privileges in another database is left to a run there. */
async function removeFinished(admin: Client): Promise<void> {
  for (const { name } of await readRows(admin, RUN_ROLES)) {
    const [lock] = await rowsOf(
      admin,
      { mine: z.boolean() },
      `SELECT pg_catalog.pg_try_advisory_lock(${LOCK}) AS mine`,
      [name],
    );
    if (!lock?.mine) continue;
    try {
      await drop(admin, name);
    } catch (error) {
      if (!GONE_OR_NEEDED.includes(sqlState(error))) throw error;
    } finally {
      await admin.query(`SELECT pg_catalog.pg_advisory_unlock(${LOCK})`, [name]);
    }
  }
}
