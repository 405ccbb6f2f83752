import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";

// A session reads the list of a table's partitions when it first uses the table. One that reads while a partition is attached may
// never hear of it: PostgreSQL drops the message that comes in between.

/** Sessions that first use a table while something is done to it, one every few ms. All are there to look again afterwards. */
export async function newcomers(
  connect: () => Promise<Client>,
  query: string,
  act: () => Promise<unknown>,
): Promise<Client[]> {
  const sessions = await Promise.all(Array.from({ length: 20 }, connect));
  await Promise.all([act(), ...sessions.map((session, i) => sleep(i * 6).then(() => session.query(query)))]);
  return sessions;
}

/** What each of them sees; they end. */
export async function seen(sessions: Client[], query: string): Promise<string[]> {
  return Promise.all(
    sessions.map(async (session) => {
      const { rows } = await session.query({ text: query, rowMode: "array" });
      await session.end();
      return String(rows[0]?.[0]);
    }),
  );
}
