import type { Client } from "pg";
import { connect, Unreachable } from "./connection";
import type { Host } from "./host";
import { whyDown } from "./readiness";

const idle = new WeakMap<Host, Map<string, Client[]>>();

/**
 * Runs `use` with a connection of its own. One that did its work well is reset and kept for the next caller: opening one
 * takes a quarter of a second, and a large stack has hundreds of changes. One that failed is closed, with its transaction.
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
  /** Questions that are not answered yet. */
  open: Set<Promise<unknown>>;
}

const shared = new WeakMap<Host, Map<string, Shared>>();

/**
 * Asks a database for what a refresh wants to know, over a connection that all reads share. `unknown` is the answer while
 * the server is down: then the last known state stands, and the resource Server says what is wrong.
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
  const there = all.get(database);
  if (there) return there;
  const made: Shared = { client: openOrWait(host, database), open: new Set() };
  all.set(database, made);
  const forget = () => {
    if (all.get(database) === made) all.delete(database);
  };
  made.client.then((opened) => (opened ? opened.on("end", forget) : forget()), forget);
  return made;
}

/** Ends our own connections to a database that nobody uses; what is asked there just now is answered first. */
export async function leave(host: Host, database: string): Promise<void> {
  const there = shared.get(host)?.get(database);
  shared.get(host)?.delete(database);
  await Promise.allSettled(there?.open ?? []);
  const reader = await there?.client.catch(() => undefined);
  const pool = idle.get(host)?.get(database)?.splice(0) ?? [];
  await Promise.all([...(reader ? [reader] : []), ...pool].map((client) => client.end()));
}

/** Ends all of our connections to a server, for a process that goes on without it. */
export async function leaveAll(host: Host): Promise<void> {
  const databases = new Set([...(shared.get(host)?.keys() ?? []), ...(idle.get(host)?.keys() ?? [])]);
  await Promise.all([...databases].map((database) => leave(host, database)));
}

/** A connection; undefined while the server is down. One that is starting is waited for. */
async function openOrWait(host: Host, database: string): Promise<Client | undefined> {
  try {
    return await connect(host, database);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return (await whyDown(host)) ? undefined : connect(host, database);
  }
}

/** True if PostgreSQL says that there is no such database. */
export function isNoDatabase(error: unknown): boolean {
  return (error as { code?: string }).code === "3D000";
}
