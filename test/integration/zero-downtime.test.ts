import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "./in-process-stack";

const ORDERS = 200_000;
const CUSTOMERS = 20_000;
/** Nobody may wait longer for a lock. */
const BOUND_MS = 2000;

/** One client of the application, which does the same again and again, and fails never. */
class Loop {
  readonly failures: string[] = [];
  statements = 0;
  longest = 0;
  private ended = false;
  private readonly going: Promise<void>;

  constructor(
    private readonly client: Client,
    act: (loop: Loop) => Promise<void>,
  ) {
    this.going = (async () => {
      while (!this.ended) {
        await act(this).catch((error: Error) => this.failures.push(error.message));
        await sleep(2);
      }
    })();
  }

  async query(sql: string, values: unknown[] = []) {
    const began = Date.now();
    const { rows } = await this.client.query(sql, values);
    this.longest = Math.max(this.longest, Date.now() - began);
    this.statements += 1;
    return rows;
  }

  async end(): Promise<this> {
    this.ended = true;
    await this.going;
    await this.client.end();
    return this;
  }
}

describe("the migrations of docs/zero-downtime.md", () => {
  let stack: InProcessStack;
  let password: string;
  /** What each order should hold. */
  const amounts = new Map<string, number>();
  /** The longest that anybody of the application was seen to wait for a lock. */
  let waited = 0;
  let watcher: Loop;
  const all: Loop[] = [];

  const migrations = () => stack.config.databases?.app?.migrations as { folder: string; target?: string };
  const upTo = async (target: string) => {
    stack.configure(() => (migrations().target = target));
    return stack.up();
  };
  const connect = () => stack.connect("app", password, "app");
  const loop = async (act: (loop: Loop) => Promise<void>) => {
    const made = new Loop(await connect(), act);
    all.push(made);
    return made;
  };

  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: {}, app: { login: true } },
      databases: {
        app: {
          owner: "owner",
          schemas: { shop: {} },
          migrations: { folder: "docs/examples/zero-downtime", target: "20260301000100" },
          grants: {
            app: {
              database: ["CONNECT"],
              schemas: { shop: { schema: ["USAGE"], tables: ["SELECT", "INSERT", "UPDATE"] } },
            },
          },
        },
      },
    });
    await stack.up();
    stack.sql(
      "app",
      `INSERT INTO shop.customers (name) SELECT 'Given' || n || ' Family ' || n FROM generate_series(1, ${CUSTOMERS}) AS n;
       INSERT INTO shop.orders (number, customer_id, amount)
       SELECT 'N' || n, n % ${CUSTOMERS} + 1, n FROM generate_series(1, ${ORDERS}) AS n;
       ANALYZE shop.orders, shop.customers`,
    );
    for (let n = 1; n <= ORDERS; n += 1) amounts.set(`${n}`, n);
    password = (await stack.output<{ app: string }>("rolePasswords")).app;
    watcher = await superuser(async (each) => {
      const [row] = await each.query(
        `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 * 1000 AS ms
         FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND usename = 'app'`,
      );
      waited = Math.max(waited, row.ms);
      await sleep(50);
    });
  });
  const superuser = async (act: (loop: Loop) => Promise<void>) => {
    const secret = await stack.output<string>("superuserPassword");
    return new Loop(await stack.connect("postgres", secret, "app"), act);
  };
  afterAll(() => stack.dispose());

  /** Two loops that change the same order would not know who was last: each has orders of its own. */
  const own = (parity: number) => `${1 + parity + 2 * Math.floor((Math.random() * ORDERS) / 2)}`;
  const customer = () => 1 + Math.floor(Math.random() * CUSTOMERS);
  const order = (column: string) => async (each: Loop) => {
    const amount = Math.floor(Math.random() * 1e6);
    const [row] = await each.query(
      `INSERT INTO shop.orders (number, customer_id, ${column}) VALUES ($1, $2, $3) RETURNING id`,
      [randomUUID(), customer(), amount],
    );
    amounts.set(row.id, amount);
  };
  /** Old code: it knows amount only. */
  const oldWriter = async (each: Loop) => {
    await order("amount")(each);
    const id = own(0);
    await each.query("UPDATE shop.orders SET amount = amount + 3 WHERE id = $1", [id]);
    amounts.set(id, (amounts.get(id) as number) + 3);
  };
  const reader = (column: string) => async (each: Loop) => {
    const id = `${1 + Math.floor(Math.random() * ORDERS)}`;
    const [before, [row], after] = [amounts.get(id), await each.query(`SELECT ${column} AS amount FROM shop.orders WHERE id = $1`, [id]), amounts.get(id)] as const; // prettier-ignore
    const found = Number(row.amount);
    // Somebody may be about to write just then.
    if (before === after && found < Number(before))
      throw new Error(`${column} of ${id} is ${row.amount}, not ${before}`);
  };
  /** New code: it knows amount_cents only. */
  const newWriter = async (each: Loop) => {
    await order("amount_cents")(each);
    const id = own(1);
    const amount = (amounts.get(id) as number) + 5;
    await each.query("UPDATE shop.orders SET amount_cents = $2 WHERE id = $1", [id, amount]);
    amounts.set(id, amount);
  };

  const rows = (sql: string) => stack.sql("app", sql);
  const wrong = (column: string) => {
    const found = rows(`SELECT id, ${column} FROM shop.orders`).split("\n");
    return found.filter((line) => amounts.get(line.split("|")[0] as string) !== Number(line.split("|")[1])).length;
  };

  let old: Loop[];
  let young: Loop[];

  it("change a column's type and name while old and new code go on", async () => {
    old = [await loop(oldWriter), await loop(reader("amount"))];
    // A report that reads for long is what makes a lock wait, and all who queue behind that lock.
    const report = (async () => {
      const client = await connect();
      await client.query("BEGIN; SELECT count(*) FROM shop.orders");
      await sleep(25_000);
      await client.query("COMMIT");
      await client.end();
    })();
    const expanded = await upTo("20260302000100");
    await report;
    expect(expanded).toContain("20260302000100_amount_expand.sql waits for a lock that another session holds");

    young = [await loop(newWriter)];
    stack.configure(() => (migrations().target = "20260302000200"));
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(
      /20260302000200_amount_fill.sql line 3 backfills shop.orders in database app in batches: about [\d,]+ rows \(.*\); locks only the rows of a batch/,
    );
    expect(messages.filter((each) => /^(LOCK|DATA LOSS)/.test(each))).toEqual([]);
    const filled = await stack.up();
    expect(filled).toMatch(/amount_fill.sql line 3 has changed [\d,]+ rows of shop.orders in batches/);
    young.push(await loop(reader("amount_cents")));
    expect(rows("SELECT count(*) FROM shop.orders WHERE amount_cents IS DISTINCT FROM amount")).toBe("0");
    expect(
      rows("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'shop.orders'::regclass AND attname = 'amount_cents'"),
    ).toBe("t");
    await sleep(3000);

    // The switch: old code ends. For a moment nobody writes, so that both columns can be compared with what was written.
    for (const each of [...old, ...young]) await each.end();
    expect([wrong("amount"), wrong("amount_cents")]).toEqual([0, 0]);
    young = [await loop(newWriter), await loop(reader("amount_cents"))];
    stack.configure(() => (migrations().target = "20260302000300"));
    expect((await stack.preview()).messages.join("\n")).toContain("DATA LOSS: column amount of shop.orders");
    await stack.up();
  });

  it("add a unique constraint and a foreign key, and split a column, meanwhile", async () => {
    const names = await loop(async (each) => {
      await each.query("UPDATE shop.customers SET name = 'Old Name ' || id WHERE id = $1", [customer()]);
      await each.query("INSERT INTO shop.customers (name) VALUES ('New One Of Old')");
    });
    await upTo("20260303000100");
    await upTo("20260304000100");
    const split = await loop(async (each) => {
      const id = customer();
      await each.query("UPDATE shop.customers SET given_name = 'Ada', family_name = 'of ' || id WHERE id = $1", [id]);
      await each.query("INSERT INTO shop.customers (given_name, family_name) VALUES ('Grace', '')");
    });
    await sleep(2000);
    for (const each of [names, split, ...young]) await each.end();
    expect(rows("SELECT count(*) FROM shop.customers WHERE name <> concat_ws(' ', given_name, nullif(family_name, ''))")).toBe("0"); // prettier-ignore
    expect(rows("SELECT count(*) FROM shop.customers WHERE given_name IS NULL OR family_name IS NULL")).toBe("0");
    expect(Number(rows("SELECT count(*) FROM shop.customers WHERE name LIKE 'Ada of %'"))).toBeGreaterThan(0);
    expect(rows("SELECT string_agg(conname || ' ' || convalidated, ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'shop.orders'::regclass AND contype <> 'n'")).toBe("orders_customer true, orders_number true, orders_pkey true"); // prettier-ignore
  });

  it("have held up nobody for long, and lost nothing", async () => {
    await watcher.end();
    const statements = all.reduce((sum, each) => sum + each.statements, 0);
    const longest = Math.max(...all.map((each) => each.longest));
    console.log(
      `${statements} statements, the longest ${longest} ms, the longest wait for a lock ${Math.round(waited)} ms`,
    );
    expect(all.flatMap(({ failures }) => failures)).toEqual([]);
    expect(statements).toBeGreaterThan(2000);
    expect(waited).toBeGreaterThan(0); // it was looked
    expect(waited).toBeLessThan(BOUND_MS);
    expect(Number(rows("SELECT count(*) FROM shop.orders"))).toBe(amounts.size);
    expect(wrong("amount_cents")).toBe(0);
    expect((await stack.preview()).changes).toEqual([]);
  });
});
