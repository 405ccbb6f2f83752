import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { seconds } from "./report";

// How long clients wait for the maintenance of a set, while a long query reads it.

/** Duration of a long query in seconds, and the pause between two of them. */
const [LONG_S, PAUSE_MS] = [3, 300];
/** Start of the operation after the start of a long query. */
const INTO_MS = 500;

/** Duration of the slowest statement of each client, and of the operation; seconds. */
export interface Waits {
  writer: number;
  reader: number;
  operation: number;
}

/** Clients of one load: a long reader, a writer, a reader whose query is pruned and one whose is not. */
export interface Load {
  long: Client;
  writer: Client;
  pruned: Client;
  unpruned: Client;
}

/**
 * Runs `act` while the clients work on the table. Counts statements that overlap with it: the longest time from sending one to its
 * result.
 */
export async function whileBusy(load: Load, table: string, act: () => Promise<void>): Promise<Waits> {
  let done = false;
  let began = Infinity;
  let ended = Infinity;
  const slowest = { writer: 0, reader: 0 };

  const repeat = async (who: keyof typeof slowest, statement: (i: number) => Promise<unknown>) => {
    for (let i = 0; !done; i += 1) {
      const sent = Date.now();
      const took = await seconds(() => statement(i));
      if (Date.now() >= began && sent <= ended) slowest[who] = Math.max(slowest[who], took);
      await sleep(5); // limits the load to two cores
    }
  };
  const longReader = async () => {
    while (!done) {
      await load.long.query(`SELECT pg_sleep(${LONG_S}), (SELECT count(*) FROM ${table})`);
      await sleep(PAUSE_MS);
    }
  };
  const today = new Date().toISOString().slice(0, 10);
  const works = [
    longReader(),
    repeat("writer", () =>
      load.writer.query(`INSERT INTO ${table} (id, at, filling) VALUES (nextval('data.ids'), now(), 'written')`),
    ),
    repeat("reader", (i) =>
      load.pruned.query(
        `SELECT filling FROM ${table} WHERE id = ${i} AND at >= '${today}' AND at < '${today}'::timestamptz + interval '1 day'`,
      ),
    ),
    repeat("reader", (i) => load.unpruned.query(`SELECT filling FROM ${table} WHERE id = ${i}`)),
  ];
  try {
    await sleep(INTO_MS);
    began = Date.now();
    const operation = await seconds(act);
    ended = Date.now();
    await sleep(100); // a statement that waits at the end gets its result
    return { ...slowest, operation };
  } finally {
    done = true;
    await Promise.all(works);
  }
}
