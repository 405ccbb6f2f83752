import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";

// A session reads the list of a table's partitions when it first uses the table. One that reads while a partition is attached may
// never hear of it: PostgreSQL drops the message that comes in between.

/** Sessions that first use a table while something is done to it, and look again afterwards. */
export class Newcomers {
  /** How long it took the last time, in ms: they come evenly over that time. */
  private took = 100;

  constructor(
    private readonly connect: () => Promise<Client>,
    private readonly first: string,
  ) {}

  /** What each of them sees when `act` is done. */
  async during(act: () => Promise<unknown>, query: string): Promise<string[]> {
    const sessions = await Promise.all(Array.from({ length: 20 }, this.connect));
    const began = performance.now();
    const done = act().then(() => (this.took = performance.now() - began));
    const every = this.took / sessions.length;
    await Promise.all([done, ...sessions.map((session, i) => sleep(i * every).then(() => session.query(this.first)))]);
    const seen: string[] = [];
    for (const session of sessions) {
      const { rows } = await session.query({ text: query, rowMode: "array" });
      await session.end();
      seen.push(String(rows[0]?.[0]));
    }
    return seen;
  }
}
