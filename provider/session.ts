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

const shared = new WeakMap<Host, Map<string, Promise<Client | undefined>>>();

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
  const clients = shared.get(host) ?? new Map<string, Promise<Client | undefined>>();
  shared.set(host, clients);
  let client = clients.get(database);
  if (!client) {
    client = openOrWait(host, database);
    clients.set(database, client);
    const forget = () => clients.delete(database);
    client.then((opened) => (opened ? opened.on("end", forget) : forget()), forget);
  }
  const opened = await client;
  return opened ? question(opened) : unknown;
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
