import type { Client } from "pg";
import { connect, Unreachable } from "./connection";
import type { Host } from "./host";
import { whyDown } from "./readiness";

const idle = new WeakMap<Host, Map<string, Client[]>>();

/**
 * Runs `use` with its own connection. After success, the connection is reset and kept for the next caller: opening one takes a
 * quarter of a second, and a large stack has hundreds of changes. After a failure it is closed, which ends its transaction.
 */
export async function withDatabase<T>(host: Host, database: string, use: (client: Client) => Promise<T>): Promise<T> {
  const pools = idle.get(host) ?? new Map<string, Client[]>();
  idle.set(host, pools);
  const pool = pools.get(database) ?? [];
  pools.set(database, pool);
  const client = pool.pop() ?? (await connect(host, database));
  try {
    const result = await use(client);
    await client.query("DISCARD ALL");
    client.once("end", () => pool.splice(0, pool.length, ...pool.filter((each) => each !== client)));
    pool.push(client);
    return result;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

interface Shared {
  client: Promise<Client | undefined>;
  /** Queries that are not answered yet. */
  open: Set<Promise<unknown>>;
}

const shared = new WeakMap<Host, Map<string, Shared>>();

/**
 * Queries a database for a refresh, over a connection that all reads share. Returns `unknown` while the server is down: then the
 * resources keep their last known state, and the resource Server reports the problem.
 */
export async function ask<T>(
  host: Host,
  database: string,
  question: (client: Client) => Promise<T>,
  unknown: T,
): Promise<T> {
  const { client, open } = sharedWith(host, database);
  const answer = client.then((opened) => (opened ? question(opened) : unknown));
  open.add(answer);
  try {
    return await answer;
  } finally {
    open.delete(answer);
  }
}

function sharedWith(host: Host, database: string): Shared {
  const all = shared.get(host) ?? new Map<string, Shared>();
  shared.set(host, all);
  const existing = all.get(database);
  if (existing) return existing;
  const created: Shared = { client: openOrWait(host, database), open: new Set() };
  all.set(database, created);
  const forget = () => {
    if (all.get(database) === created) all.delete(database);
  };
  created.client.then((opened) => (opened ? opened.on("end", forget) : forget()), forget);
  return created;
}

/** Closes this process's idle and shared connections to a database, after their open queries are answered. */
export async function closeConnections(host: Host, database: string): Promise<void> {
  const existing = shared.get(host)?.get(database);
  shared.get(host)?.delete(database);
  await Promise.allSettled(existing?.open ?? []);
  const reader = await existing?.client.catch(() => undefined);
  const pool = idle.get(host)?.get(database)?.splice(0) ?? [];
  await Promise.all([...(reader ? [reader] : []), ...pool].map((client) => client.end()));
}

/** Closes all connections of this process to a server, for a process that continues without it. */
export async function closeAllConnections(host: Host): Promise<void> {
  const databases = new Set([...(shared.get(host)?.keys() ?? []), ...(idle.get(host)?.keys() ?? [])]);
  await Promise.all([...databases].map((database) => closeConnections(host, database)));
}

/** Opens a connection; undefined while the server is down. Waits for a server that starts up. */
async function openOrWait(host: Host, database: string): Promise<Client | undefined> {
  try {
    return await connect(host, database);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return (await whyDown(host)) ? undefined : connect(host, database);
  }
}

/** The SQLSTATE of an error of PostgreSQL; empty for other errors. */
export const sqlState = (error: unknown): string => (error as { code?: string }).code ?? "";

/** True if PostgreSQL reports that the database does not exist. */
export const isNoDatabase = (error: unknown): boolean => sqlState(error) === "3D000";

/** True if PostgreSQL reports that a function, a table or a schema does not exist: the library is not installed. */
export const isNoLibrary = (error: unknown): boolean => ["42883", "42P01", "3F000"].includes(sqlState(error));
