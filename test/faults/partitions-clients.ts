import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { compare, compareInOne, type Row, type SetName } from "./partitions-ledger";

// Clients of the fault test: each loses its connection now and then, and comes back.

const DAY = 86_400;
/** Each run of the maintenance finds the clock so much later. */
const LEAP = 3 * 3600;
/** A writer keeps about so many rows. */
const ROWS = 3000;

/** What all of them share. */
export interface World {
  connect(): Promise<Client>;
  /** The clock of the maintenance, in seconds. */
  clock: number;
  stop: boolean;
  memory: Map<number, Row>;
  counts: Record<string, number>;
  /** What must not happen, with what it was. */
  wrong: Record<"locked" | "unlocked" | "committed" | "statements" | "maintenance", string[]>;
}

export function count(world: World, what: string): void {
  world.counts[what] = (world.counts[what] ?? 0) + 1;
}

/** True of errors that only say that the connection is gone, or not yet there. */
export function isLost(error: unknown): boolean {
  const { code = "", message } = error as { code?: string; message: string };
  return (
    /^(57P0[123]|08...|ECONN.*|EPIPE)$/.test(code) ||
    /Connection terminated|not queryable|connection error|closed the connection|timeout expired|socket/i.test(message)
  );
}

/** A connection by a name of its own; the one before it is gone from the server when this one is there. */
export class Line {
  client: Client | undefined;
  private connections = 0;

  constructor(
    readonly name: string,
    private readonly world: World,
    /** Who it is, if not the superuser. */
    private readonly role?: string,
  ) {}

  private get application(): string {
    return `${this.name} ${this.connections}`;
  }

  async open(): Promise<Client> {
    const before = this.application;
    this.connections += 1;
    for (const until = Date.now() + 90_000; ; await sleep(200)) {
      try {
        const client = await this.world.connect();
        this.client = client;
        await client.query(`SET application_name = '${this.application}'; SET timezone = 'UTC'`);
        if (this.role) await client.query(`SET SESSION AUTHORIZATION ${this.role}`);
        for (;;) {
          const { rows } = await client.query("SELECT FROM pg_stat_activity WHERE application_name = $1", [before]);
          if (rows.length === 0) return client;
          await sleep(50);
        }
      } catch (error) {
        if (!isLost(error) || Date.now() > until) throw error;
      }
    }
  }

  /** Pulls the plug: the server learns of it later. */
  cut(): void {
    (this.client as unknown as { connection?: { stream?: { destroy(): void } } })?.connection?.stream?.destroy();
  }

  async close(): Promise<void> {
    await this.client?.end().catch(() => undefined);
  }
}

/** Repeats `act` with a connection until the world stops; `recover` comes first after each new connection. */
async function repeat(
  line: Line,
  world: World,
  act: (client: Client) => Promise<void>,
  recover: (client: Client) => Promise<void> = async () => undefined,
): Promise<void> {
  let client: Client | undefined;
  let recovered = false;
  while (!world.stop || !recovered) {
    try {
      if (!client) {
        recovered = false;
        client = await line.open();
      }
      if (!recovered) await recover(client);
      recovered = true;
      await act(client);
    } catch (error) {
      if (!isLost(error)) throw error;
      count(world, "connections lost");
      line.cut();
      client = undefined;
      recovered = false;
    }
  }
  await line.close();
}

const pick = (below: number) => Math.floor(Math.random() * below);

/** Inserts, updates and deletes rows that nobody else touches, each in set and ledger in one transaction. */
export async function write(line: Line, world: World, set: SetName, firstId: number): Promise<void> {
  let nextId = firstId;
  const own = new Map<number, Row>();
  /** Rows that are archived: nobody can write them any more. */
  const frozen = new Set<number>();
  /** What is under way: the row as it will be, undefined if it is deleted. */
  let doubt: { id: number; next: Row | undefined } | undefined;

  const remember = (id: number, row: Row | undefined) => {
    for (const map of [own, world.memory]) {
      if (row) map.set(id, row);
      else map.delete(id);
    }
  };
  const time = () => {
    if (set !== "archived" && pick(12) === 0) {
      count(world, "far-off times");
      return Math.floor(world.clock / DAY) * DAY + (pick(2) ? 200 : -200) * DAY + pick(5 * DAY);
    }
    return Math.floor(world.clock) + pick(4 * DAY) - 2 * DAY;
  };

  const transaction = async (client: Client, id: number, next: Row | undefined) => {
    const before = own.get(id);
    doubt = { id, next };
    await client.query("BEGIN");
    try {
      let found: number | null;
      if (!before && next) {
        await client.query(`INSERT INTO data.${set} (id, at, value) VALUES ($1, to_timestamp($2), $3)`, [
          id,
          next.at,
          next.value,
        ]);
        await client.query("INSERT INTO data.ledger (id, set, at, value) VALUES ($1, $2, to_timestamp($3), $4)", [
          id,
          set,
          next.at,
          next.value,
        ]);
        found = 1;
      } else if (next) {
        ({ rowCount: found } = await client.query(
          `UPDATE data.${set} SET at = to_timestamp($2), value = $3 WHERE id = $1`,
          [id, next.at, next.value],
        ));
        await client.query(
          "UPDATE data.ledger SET at = to_timestamp($2), value = $3, since = clock_timestamp() WHERE id = $1",
          [id, next.at, next.value],
        );
      } else {
        ({ rowCount: found } = await client.query(`DELETE FROM data.${set} WHERE id = $1`, [id]));
        await client.query("DELETE FROM data.ledger WHERE id = $1", [id]);
      }
      if (found !== 1) {
        await client.query("ROLLBACK");
        doubt = undefined;
        count(world, "rows found archived");
        frozen.add(id);
        if (set === "drained" || set === "copied")
          world.wrong.statements.push(`${found} rows of id ${id}, ${JSON.stringify(before)}`);
        world.wrong.statements.push(...(await compare(client, set, id)));
        return;
      }
      await client.query("COMMIT");
    } catch (error) {
      if (isLost(error)) throw error;
      await client.query("ROLLBACK");
      doubt = undefined;
      const { code, message } = error as { code?: string; message: string };
      // No partition for it; or, in DEFAULT, just now one of its own.
      if (code !== "23514") world.wrong.statements.push(message);
      count(world, "writes refused");
      return;
    }
    doubt = undefined;
    remember(id, next);
    count(world, "writes acknowledged");
  };

  await repeat(
    line,
    world,
    async (client) => {
      const ids = [...own.keys()].filter((id) => !frozen.has(id));
      const id = ids[pick(ids.length)];
      const row = id === undefined ? undefined : own.get(id);
      const what = pick(10);
      if (id === undefined || !row || what < (ids.length < ROWS ? 6 : 3)) {
        nextId += 1;
        await transaction(client, nextId, { set, at: time(), value: pick(1000) });
      } else if (what < 8) await transaction(client, id, { ...row, value: pick(1000), at: pick(2) ? time() : row.at });
      else await transaction(client, id, undefined);
    },
    async (client) => {
      if (!doubt) return;
      const { rows } = await client.query<{ at: string; value: number }>(
        "SELECT extract(epoch FROM at) AS at, value FROM data.ledger WHERE id = $1",
        [doubt.id],
      );
      const [found] = rows.map(({ at, value }): Row => ({ set, at: Number(at), value }));
      const allowed = [own.get(doubt.id), doubt.next].map((row) => JSON.stringify(row));
      if (!allowed.includes(JSON.stringify(found)))
        world.wrong.statements.push(`id ${doubt.id} is ${JSON.stringify(found)}, neither of ${allowed.join(", ")}`);
      remember(doubt.id, found);
      doubt = undefined;
      count(world, "doubts resolved");
    },
  );
}

export async function read(
  line: Line,
  world: World,
  how: "locked" | "unlocked" | "committed",
  set: SetName,
): Promise<void> {
  await repeat(line, world, async (client) => {
    const found =
      how === "locked"
        ? await compare(client, set)
        : await compareInOne(client, set, how === "unlocked" ? "REPEATABLE READ" : "READ COMMITTED");
    if (found.length > 0) world.wrong[how].push(`${set}: ${found.join("; ")}`);
    count(world, `compared, ${how}`);
    await sleep(200);
  });
}

export async function maintain(line: Line, world: World): Promise<void> {
  await repeat(line, world, async (client) => {
    world.clock += LEAP;
    try {
      await client.query("CALL pgwright.maintain_partitions(to_timestamp($1))", [world.clock]);
      count(world, "runs of the maintenance");
    } catch (error) {
      if (isLost(error)) throw error;
      const { message, detail } = error as { message: string; detail?: string };
      world.wrong.maintenance.push(detail ?? message);
      count(world, "runs with an error");
    }
    await sleep(pick(300));
  });
}
