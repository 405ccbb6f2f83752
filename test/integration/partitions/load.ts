import type { Client } from "pg";

/** A row's version, or null where there is none. */
type State = number | null;

/** What rows may look like to a read: every state they had at some moment of it. */
type Window = Map<string, Set<State>>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Row {
  version: number;
  at: string;
}

/**
 * Writers and readers of a table with the columns (at, writer, n, version). Each writer numbers its rows and does one thing
 * after the other, so that for every moment it is known what a reader may see.
 */
export class Load {
  private readonly acknowledged = new Map<string, State>();
  private readonly inFlight = new Map<string, State>();
  private readonly open = new Set<Window>();
  private readonly workers: Promise<void>[] = [];
  private readonly owned = new Map<number, Map<number, Row>>();
  private stopped = false;
  /** Writers change rows from this number on rather than others: where a batch is at work. */
  focus = 0;
  /** What goes on meanwhile: reported of the longest statement. */
  phase = "";
  /** What readers saw that nobody should see. */
  readonly wrong: string[] = [];
  readonly counts = { writes: 0, reads: 0, oldReads: 0, retries: 0, lost: 0 };
  private since = 0;
  private latencies: { ms: number; phase: string }[] = [];

  /** `times`: moments that rows lie at. */
  constructor(
    private readonly table: string,
    private readonly connect: () => Promise<Client>,
    private readonly times: string[],
  ) {}

  /** Rows that are there already belong to the writers, too. */
  async start({ writers, repeatable }: { writers: number; repeatable: number }): Promise<void> {
    const client = await this.connect();
    const { rows } = await client.query(
      `SELECT writer, n, version, at::text FROM ${this.table} WHERE writer IS NOT NULL`,
    );
    for (const { writer, n, version, at } of rows) {
      this.acknowledged.set(`${writer}/${n}`, version);
      const owned = this.owned.get(writer) ?? new Map<number, Row>();
      this.owned.set(writer, owned.set(n, { version, at }));
    }
    await client.end();
    for (let i = 0; i < writers + repeatable; i += 1) this.workers.push(this.write(i, i >= writers));
    this.workers.push(this.read(), this.readOld());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.workers);
    const client = await this.connect();
    const window = this.begin();
    this.check(await this.rows(client), this.end(window), "at the end");
    await client.end();
  }

  /** The longest statement of a writer since the last call, in ms, and the 99th percentile. */
  longest(): { max: number; phase: string; p99: number; statements: number } {
    const sorted = this.latencies.sort((a, b) => a.ms - b.ms);
    this.latencies = [];
    this.since = performance.now();
    const { ms = 0, phase = "" } = sorted.at(-1) ?? {};
    const p99 = sorted[Math.floor(sorted.length * 0.99)]?.ms ?? 0;
    return { max: Math.round(ms), phase, p99: Math.round(p99), statements: sorted.length };
  }

  private begin(): Window {
    const window: Window = new Map([...this.acknowledged].map(([key, state]) => [key, new Set([state])]));
    for (const [key, state] of this.inFlight) allow(window, key, state);
    this.open.add(window);
    return window;
  }

  private end(window: Window): Window {
    this.open.delete(window);
    return window;
  }

  private async rows(client: Client): Promise<{ key: string; version: number }[]> {
    const { rows } = await client.query(
      `SELECT writer || '/' || n AS key, version FROM ${this.table} WHERE writer IS NOT NULL`,
    );
    return rows;
  }

  private check(rows: { key: string; version: number }[], window: Window, when: string): void {
    const seen = new Map<string, number>();
    for (const { key, version } of rows) {
      if (seen.has(key)) this.wrong.push(`${when}: ${key} twice (versions ${seen.get(key)} and ${version})`);
      seen.set(key, version);
      if (!window.has(key)) this.wrong.push(`${when}: ${key} seen before it was written`);
    }
    for (const [key, states] of window)
      if (!states.has(seen.get(key) ?? null))
        this.wrong.push(`${when}: ${key} is ${seen.get(key) ?? "missing"}, and was ${[...states].join(" or ")}`);
  }

  /** Runs `work` with a connection, and again with another one after it broke. */
  private async connected(work: (client: Client) => Promise<void>): Promise<void> {
    let client: Client | undefined;
    while (!this.stopped) {
      try {
        client ??= await this.connect();
        await work(client);
      } catch (error) {
        const { code = "", message } = error as { code?: string; message: string };
        // A server that was killed, and comes back. Anything else is an error that a user would get.
        if (code !== "" && !/^(57P|08|ECONN|EPIPE)/.test(code)) this.wrong.push(`${code} ${message}`);
        this.counts.lost += 1;
        await client?.end().catch(() => undefined);
        client = undefined;
        await pause(50);
      }
    }
    await client?.end().catch(() => undefined);
  }

  private async write(writer: number, repeatable: boolean): Promise<void> {
    const mine = this.owned.get(writer) ?? new Map<number, Row>();
    let next = Math.max(-1, ...mine.keys()) + 1;
    const time = () => this.times[Math.floor(Math.random() * this.times.length)] as string;
    await this.connected(async (client) => {
      const numbers = [...mine.keys()];
      const what = Math.random();
      let n = this.focus + Math.floor(Math.random() * 30);
      if (!mine.has(n)) n = numbers[Math.floor(Math.random() * numbers.length)] as number;
      let row: Row | undefined = mine.get(n);
      let text = `UPDATE ${this.table} SET version = $3 WHERE writer = $1 AND n = $2 AND at = $4`;
      let then: Row | undefined;
      if (row === undefined || what < 0.4) {
        n = next++;
        row = undefined;
        then = { version: 0, at: time() };
        text = `INSERT INTO ${this.table} (writer, n, version, at) VALUES ($1, $2, $3, $4)`;
      } else if (what < 0.75) {
        then = { version: row.version + 1, at: what < 0.5 ? time() : row.at };
        if (then.at !== row.at)
          text = `UPDATE ${this.table} SET version = $3, at = $5 WHERE writer = $1 AND n = $2 AND at = $4`;
      } else text = `DELETE FROM ${this.table} WHERE writer = $1 AND n = $2 AND at = $3`;
      const values =
        then === undefined
          ? [writer, n, (row as Row).at]
          : [writer, n, then.version, row?.at ?? then.at, ...(text.includes("$5") ? [then.at] : [])];

      const key = `${writer}/${n}`;
      const target = then?.version ?? null;
      if (!this.acknowledged.has(key)) this.acknowledged.set(key, null);
      this.inFlight.set(key, target);
      for (const window of this.open) allow(window, key, target);
      let done = true;
      try {
        await this.statement(client, text, values, repeatable);
      } catch (error) {
        // Nobody knows whether it was done before the server died: look.
        done = await this.look(writer, n, target);
        this.settle(key, done ? target : (row?.version ?? null));
        remember(mine, n, done ? then : row);
        throw error;
      }
      this.settle(key, target);
      remember(mine, n, then);
      this.counts.writes += 1;
    });
  }

  private settle(key: string, state: State): void {
    this.acknowledged.set(key, state);
    this.inFlight.delete(key);
  }

  private async look(writer: number, n: number, target: State): Promise<boolean> {
    for (;;) {
      try {
        const client = await this.connect();
        const { rows } = await client.query(`SELECT version FROM ${this.table} WHERE writer = $1 AND n = $2`, [
          writer,
          n,
        ]);
        await client.end();
        return (rows[0]?.version ?? null) === target;
      } catch {
        await pause(100);
      }
    }
  }

  /** One statement; of a repeatable transaction, whose snapshot is older than it, and which is tried again if it has to be. */
  private async statement(client: Client, text: string, values: unknown[], repeatable: boolean): Promise<void> {
    for (;;) {
      try {
        if (repeatable) {
          await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
          await client.query("SELECT count(*) FROM pg_class");
          await pause(Math.random() * 60);
        }
        const start = performance.now();
        const { phase } = this;
        const { rowCount } = await client.query(text, values);
        if (rowCount !== 1) this.wrong.push(`${text} ${values.join(", ")}: ${rowCount} rows`);
        if (repeatable) await client.query("COMMIT");
        if (start > this.since)
          this.latencies.push({ ms: performance.now() - start, phase: `${phase} - ${this.phase}` });
        return;
      } catch (error) {
        if (!repeatable || (error as { code?: string }).code !== "40001") throw error;
        this.counts.retries += 1;
        await client.query("ROLLBACK");
      }
    }
  }

  private read(): Promise<void> {
    return this.connected(async (client) => {
      const window = this.begin();
      try {
        const rows = await this.rows(client);
        this.check(rows, this.end(window), "a read");
      } finally {
        this.end(window);
      }
      this.counts.reads += 1;
      await pause(2);
    });
  }

  /** Looks at the database, and reads the table later as it was then. */
  private readOld(): Promise<void> {
    return this.connected(async (client) => {
      const window = this.begin();
      try {
        await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
        await client.query("SELECT count(*) FROM pg_class");
      } finally {
        this.end(window);
      }
      await pause(Math.random() * 500);
      this.check(await this.rows(client), window, "an old read");
      await client.query("COMMIT");
      this.counts.oldReads += 1;
    });
  }
}

/** A window that does not know the row began before anybody wrote it. */
function allow(window: Window, key: string, state: State): void {
  const known = window.get(key);
  if (known) known.add(state);
  else window.set(key, new Set([state, null]));
}

function remember(mine: Map<number, Row>, n: number, row: Row | undefined): void {
  if (row) mine.set(n, row);
  else mine.delete(n);
}
