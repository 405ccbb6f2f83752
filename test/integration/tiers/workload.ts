import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { SetConfig } from "./server";

// Writers and readers of one set. What each writer has done is known here, so that what the view shows can be compared.

/** Kinds of rows, each with an invariant of its own. */
export const KINDS = { accounts: 1, appended: 2, churned: 3 } as const;

export const LEDGER: SetConfig = {
  schema: "data",
  name: "ledger",
  owner: "owner",
  columns: [
    { name: "id", type: "bigint" },
    { name: "at", type: "timestamptz" },
    { name: "kind", type: "int", notNull: true },
    { name: "writer", type: "int", notNull: true },
    { name: "value", type: "bigint", notNull: true },
    { name: "version", type: "int", notNull: true },
  ],
  id: "id",
  time: "at",
  sortKey: { columns: ["value"] },
  intervalHours: 1,
};

const ACCOUNTS = 400;

/** Errors after which a client is right to try again; with a lost connection nobody knows whether the commit was done. */
const RETRY = new Set(["40001", "40P01", "55P03"]);
export class Lost extends Error {}

/** What is not as it should be. */
function difference(seen: string, meant: string): string {
  const [is, be] = [seen.split(" "), meant.split(" ")];
  const absent = be.filter((each) => !is.includes(each));
  const more = is.filter((each, i) => !be.includes(each) || is.indexOf(each) !== i);
  return absent.length + more.length === 0
    ? "all"
    : `not ${absent.join(" ") || "none"}, but ${more.join(" ") || "none"}`;
}

export class Workload {
  readonly started = Date.now();
  ended = false;
  violations: string[] = [];
  readonly counts = { inserted: 0, updated: 0, deleted: 0, transferred: 0, retried: 0, read: 0, reconnected: 0 };
  /** Highest number of each appending writer that was acknowledged. */
  private readonly appended = new Map<number, number>();

  constructor(
    private readonly connect: () => Promise<Client>,
    /** Times faster than the clock on the wall. */
    private readonly speed = 600,
  ) {}

  /** The artificial time. */
  now(): Date {
    return new Date(Date.UTC(2040, 0, 1) + (Date.now() - this.started) * this.speed);
  }

  violated(what: string): void {
    this.violations.push(`after ${((Date.now() - this.started) / 1000).toFixed(1)} s: ${what}`);
    this.ended = true;
  }

  /** Mostly recent, some late, few very late or from the future. */
  private time(): string {
    const minutes = (() => {
      const dice = Math.random();
      if (dice < 0.75) return Math.random() * 10;
      if (dice < 0.93) return Math.random() * 180;
      if (dice < 0.98) return Math.random() * 600;
      return -Math.random() * 40;
    })();
    return new Date(this.now().getTime() - minutes * 60_000).toISOString();
  }

  /** Repeats `act` with a connection of its own until the end; a lost connection is replaced. */
  async loop(act: (client: Client) => Promise<void>, pause = 0): Promise<void> {
    let client: Client | undefined;
    while (!this.ended) {
      try {
        client ??= await this.connect();
        await act(client);
      } catch (error) {
        const { code } = error as { code?: string };
        if (error instanceof Lost || !code || /^(08|57P|53300|ECONN|EPIPE)/.test(code)) {
          client?.end().catch(() => undefined);
          client = undefined;
          this.counts.reconnected += 1;
          await sleep(300); // a commit that was sent is done by then
        } else {
          this.violated(`a client got ${code}: ${(error as Error).message}`);
        }
      }
      if (pause > 0) await sleep(pause);
    }
    await client?.end().catch(() => undefined);
  }

  /** One transaction. True: committed. False: rolled back, for a reason to try again. Throws Lost when nobody knows. */
  private async transaction(client: Client, act: () => Promise<void>, hold = 0): Promise<boolean> {
    try {
      await client.query("BEGIN");
      await act();
      if (hold > 0) await sleep(hold);
      await client.query("COMMIT");
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code && RETRY.has(code)) {
        this.counts.retried += 1;
        await client.query("ROLLBACK");
        return false;
      }
      if (!code || /^(08|57P|ECONN|EPIPE)/.test(code)) throw new Lost((error as Error).message);
      throw error;
    }
  }

  async prepare(client: Client): Promise<void> {
    await client.query(
      `INSERT INTO data.ledger SELECT i, $1, ${KINDS.accounts}, 0, 100, 0 FROM generate_series(1, ${ACCOUNTS}) AS i`,
      [this.now().toISOString()],
    );
  }

  /** Moves money between two accounts; they also get another time. Count and sum stay, whatever happens. */
  async transfer(client: Client): Promise<void> {
    const [from, to] = [1, 2].map(() => 1 + Math.floor(Math.random() * ACCOUNTS));
    if (from === to) return;
    const change = (id: number | undefined, by: number) =>
      client.query(
        "UPDATE data.ledger SET value = value + $2, version = version + 1, at = $3 WHERE id = $1 AND kind = 1",
        [id, by, this.time()],
      );
    const done = await this.transaction(client, async () => {
      for (const [id, by] of [
        [from, -1],
        [to, 1],
      ] as const) {
        const { rowCount } = await change(id, by);
        if (rowCount !== 1) this.violated(`an update of account ${id} changed ${rowCount} rows`);
      }
    });
    if (done) this.counts.transferred += 1;
  }

  /** Rows with numbers that have no gaps, through the view or straight to the write-ahead table. Some transactions are held open over a roll. */
  appender(writer: number): (client: Client) => Promise<void> {
    return async (client) => {
      // What is there, for the commit of before may have been lost: but no acknowledged one.
      const known = await client.query(
        `SELECT coalesce(max(value), 0) AS n FROM data.ledger WHERE kind = 2 AND writer = $1`,
        [writer],
      );
      let next = Number(known.rows[0].n);
      if (next < (this.appended.get(writer) ?? 0))
        this.violated(`writer ${writer} sees ${next} of ${this.appended.get(writer)} acknowledged rows`);
      for (let turn = 0; turn < 30 && !this.ended; turn += 1) {
        const size = 1 + Math.floor(Math.random() * 20);
        const times = Array.from({ length: size }, () => this.time());
        const first = next + 1;
        const hold = Math.random() < 0.1 ? Math.random() * 4000 : 0;
        const table = Math.random() < 0.5 ? "ledger" : "ledger_wa";
        const done = await this.transaction(
          client,
          async () => {
            await client.query(
              `INSERT INTO data.${table} SELECT $1::bigint * 1000000000 + n, t, 2, $1, n, 0
               FROM unnest($3::timestamptz[]) WITH ORDINALITY AS x (t, o) CROSS JOIN LATERAL (SELECT $2::bigint + o - 1) AS y (n)`,
              [writer, first, times],
            );
          },
          hold,
        );
        if (!done) continue;
        next += size;
        this.appended.set(writer, next);
        this.counts.inserted += size;
      }
    };
  }

  /** Rows that are inserted, updated and deleted; after each transaction all rows of the writer are what they should be. */
  churner(writer: number): (client: Client) => Promise<void> {
    let model = new Map<number, number>();
    let unsure: Map<number, number> | undefined;
    let numbered = 0;
    const text = (rows: Map<number, number>) =>
      [...rows]
        .sort(([a], [b]) => a - b)
        .map(([id, version]) => `${id}:${version}`)
        .join(" ");
    return async (client) => {
      const look = async () => {
        const { rows } = await client.query(
          "SELECT id, version FROM data.ledger WHERE kind = 3 AND writer = $1 ORDER BY id",
          [writer],
        );
        return rows.map(({ id, version }) => `${id}:${version}`).join(" ");
      };
      const seen = await look();
      if (unsure && seen === text(unsure)) model = unsure;
      else if (seen !== text(model)) {
        const then = difference(await look(), text(model));
        this.violated(`writer ${writer} sees ${difference(seen, text(model))}, and then ${then}`);
      }
      unsure = undefined;
      const after = new Map(model);
      const ids = [...model.keys()].sort(() => Math.random() - 0.5).slice(0, 1 + Math.floor(Math.random() * 8));
      const dice = model.size < 20 ? 0 : model.size > 150 ? 0.9 : Math.random();
      const counted = dice < 0.3 ? "inserted" : dice < 0.75 ? "updated" : "deleted";
      unsure = after;
      const done = await this.transaction(client, async () => {
        if (counted === "inserted") {
          for (let i = 0; i < 10; i += 1) {
            const id = 900_000_000_000 + writer * 10_000_000 + (numbered += 1);
            await client.query("INSERT INTO data.ledger VALUES ($1, $2, 3, $3, $1, 0)", [id, this.time(), writer]);
            after.set(id, 0);
          }
          return;
        }
        const { rowCount } = await client.query(
          counted === "updated"
            ? "UPDATE data.ledger SET version = version + 1, at = CASE WHEN id % 3 = 0 THEN $2 ELSE at END WHERE id = ANY ($1)"
            : "DELETE FROM data.ledger WHERE id = ANY ($1) AND $2::timestamptz IS NOT NULL",
          [ids, this.time()],
        );
        if (rowCount !== ids.length) this.violated(`writer ${writer} ${counted} ${rowCount} of ${ids.length} rows`);
        for (const id of ids) {
          if (counted === "updated") after.set(id, (after.get(id) ?? 0) + 1);
          else after.delete(id);
        }
      });
      if (done) {
        model = after;
        this.counts[counted] += counted === "inserted" ? 10 : ids.length;
      }
      unsure = undefined;
    };
  }

  /** What each snapshot has to show. */
  async read(client: Client): Promise<void> {
    const acknowledged = new Map(this.appended);
    const repeatable = Math.random() < 0.3;
    const QUERY = `
      SELECT kind, writer, count(*)::int AS n, count(DISTINCT id)::int AS d, max(value)::int AS top, sum(value)::bigint AS total
      FROM data.ledger WHERE kind IN (1, 2) GROUP BY kind, writer ORDER BY kind, writer`;
    if (!repeatable) return this.compare(acknowledged, (await client.query(QUERY)).rows);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    // The snapshot is taken before the set is touched: the tables may go in between.
    await client.query("SELECT 1 FROM pg_catalog.pg_class LIMIT 1");
    await sleep(Math.random() * 1500);
    const first = (await client.query(QUERY)).rows;
    await sleep(Math.random() * 500);
    const second = (await client.query(QUERY)).rows;
    await client.query("COMMIT");
    if (JSON.stringify(first) !== JSON.stringify(second))
      this.violated(`one snapshot shows ${JSON.stringify(first)} and then ${JSON.stringify(second)}`);
    this.compare(acknowledged, first);
  }

  private compare(acknowledged: Map<number, number>, rows: Record<string, number | string>[]): void {
    this.counts.read += 1;
    for (const { kind, writer, n, d, top, total } of rows) {
      const row = JSON.stringify({ kind, writer, n, d, top, total });
      if (kind === KINDS.accounts && (n !== ACCOUNTS || d !== ACCOUNTS || Number(total) !== ACCOUNTS * 100))
        this.violated(`accounts: ${row}`);
      if (kind === KINDS.appended && (n !== d || n !== top || Number(total) !== (Number(n) * (Number(n) + 1)) / 2))
        this.violated(`appended: ${row}`);
    }
    for (const [writer, count] of acknowledged) {
      const row = rows.find((each) => each.kind === KINDS.appended && each.writer === writer);
      if (Number(row?.n ?? 0) < count) this.violated(`writer ${writer}: ${row?.n} of ${count} acknowledged rows`);
    }
    if (!rows.some(({ kind }) => kind === KINDS.accounts)) this.violated("accounts: none");
  }
}
