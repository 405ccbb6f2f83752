import { Pool, type Client, type PoolClient } from "pg";
import { Session } from "./connection";
import type { Host } from "./host";

/** The class that pg.Pool makes its sessions of: it calls the constructor with the options of the pool. */
const sessionOf = (host: Host, database: string) =>
  class extends Session {
    constructor() {
      super(host, database);
    }
  };

/** Sessions of the superuser in one database, which are reused: opening one takes a quarter of a second. */
export class SessionPool {
  private readonly pool: Pool;
  private readonly uses = new Set<Promise<unknown>>();
  private first?: Promise<void>;
  /** Sessions that are not closed yet. */
  private sessions = 0;

  constructor(host: Host, database: string, max: number) {
    this.pool = new Pool({ Client: sessionOf(host, database), max, allowExitOnIdle: true });
    this.pool.on("connect", () => (this.sessions += 1));
    this.pool.on("remove", () => (this.sessions -= 1));
    this.pool.on("error", () => undefined); // an idle session has broken, and left the pool
  }

  /** Runs `use` with a session of its own. A session is reset after success, and closed after a failure, which ends its transaction. */
  async use<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const result = this.run(use);
    this.uses.add(result);
    try {
      return await result;
    } finally {
      this.uses.delete(result);
    }
  }

  /** Closes the sessions, after their uses have ended. No use may begin afterwards. */
  async close(): Promise<void> {
    await Promise.allSettled(this.uses); // pg.Pool forgets callers that wait for a session
    await this.pool.end();
    // pg.Pool does not wait for the connections to close.
    while (this.sessions > 0) await new Promise((removed) => this.pool.once("remove", removed));
  }

  private async run<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.acquire();
    try {
      const result = await use(client);
      await client.query("DISCARD ALL");
      client.release();
      return result;
    } catch (error) {
      await client.end().catch(() => undefined);
      client.release(true);
      throw error;
    }
  }

  /** If no session is open, all callers wait for one attempt and fail with it: a server that is down costs one `docker exec`. */
  private async acquire(): Promise<PoolClient> {
    if (this.pool.totalCount === 0) this.first = this.pool.connect().then((client) => client.release());
    await this.first;
    return this.pool.connect();
  }
}
