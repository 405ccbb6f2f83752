import type { Client } from "pg";
import { Unreachable } from "./connection";
import type { Host } from "./host";
import { whyDown } from "./readiness";
import { SessionPool } from "./session-pool";

/** The sessions of this process in one database. */
interface Sessions {
  /**
   * One session, since each costs a `docker exec` and a backend of the server. Reads are short, and so take turns about as fast as they
   * would share the session: node-postgres sends the queries of a session one after the other. A question must not call `ask` for the
   * same database, because it would wait for itself.
   */
  reads: SessionPool;
  /** A session for each write. Without a limit, because a write may need a second one (withRunRole). */
  writes: SessionPool;
}

const sessions = new WeakMap<Host, Map<string, Sessions>>();

function sessionsOf(host: Host, database: string): Sessions {
  const all = sessions.get(host) ?? new Map<string, Sessions>();
  sessions.set(host, all);
  const found = all.get(database) ?? {
    reads: new SessionPool(host, database, 1),
    writes: new SessionPool(host, database, Infinity),
  };
  all.set(database, found);
  return found;
}

/** Runs `use` with its own session. A failure closes the session, which ends its transaction. */
export async function withDatabase<T>(host: Host, database: string, use: (client: Client) => Promise<T>): Promise<T> {
  return sessionsOf(host, database).writes.use(use);
}

/**
 * Queries a database for a refresh. Waits for a server that starts up. Returns `unknown` while the server is down: then the resources
 * keep their last known state, and the resource Server reports the problem.
 */
export async function ask<T>(
  host: Host,
  database: string,
  question: (client: Client) => Promise<T>,
  unknown: T,
): Promise<T> {
  const answer = () => sessionsOf(host, database).reads.use(question);
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return (await whyDown(host)) ? unknown : answer();
  }
}

/** Closes this process's sessions in a database, after their queries are answered. */
export async function closeConnections(host: Host, database: string): Promise<void> {
  const found = sessions.get(host)?.get(database);
  sessions.get(host)?.delete(database);
  await Promise.all([found?.reads.close(), found?.writes.close()]);
}

/** Closes all sessions of this process in a server, for a process that continues without it. */
export async function closeAllConnections(host: Host): Promise<void> {
  const databases = [...(sessions.get(host)?.keys() ?? [])];
  await Promise.all(databases.map((database) => closeConnections(host, database)));
}

/** The SQLSTATE of an error of PostgreSQL; empty for other errors. */
export const sqlState = (error: unknown): string => (error as { code?: string }).code ?? "";

/** True if PostgreSQL reports that the database does not exist. */
export const isNoDatabase = (error: unknown): boolean => sqlState(error) === "3D000";

/** True if PostgreSQL reports that a function, a table or a schema does not exist: the library is not installed. */
export const isNoLibrary = (error: unknown): boolean => ["42883", "42P01", "3F000"].includes(sqlState(error));
