import fc from "fast-check";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";
import { keeperStack } from "./keeper-stack";

interface Step {
  action: string;
  partition: string;
  bound: string;
  row_count: string;
}

/** A set by a kind of key: its column, what is written regularly, and values that nobody means. */
interface Key {
  kind: "integer" | "time" | "uuid7";
  type: string;
  interval: string;
  retention: object;
  /** SQL for the regular values of the periods that have come to be at turn n. */
  regular: (turn: number) => string;
  wild: string[];
}

const KEYS: Record<string, Key> = {
  bigint: {
    kind: "integer",
    type: "bigint",
    interval: "1000",
    retention: { age: "5000", then: "drop" },
    regular: (n) => `SELECT generate_series(${n * 1000}, ${n * 1000 + 999}, 100)`,
    wild: ["9000000000000", "9223372036854775807", "-9223372036854775808", "-1", "14000", "2147483648"],
  },
  integer: {
    kind: "integer",
    type: "integer",
    interval: "1000",
    retention: { count: 4, then: "drop" },
    regular: (n) => `SELECT generate_series(${n * 1000}, ${n * 1000 + 999}, 100)`,
    wild: ["2147483647", "-2147483648", "-1", "17000000", "2147483001"],
  },
  numeric: {
    kind: "integer",
    type: "numeric",
    interval: "1000",
    retention: { age: "5000", then: "drop" },
    regular: (n) => `SELECT generate_series(${n * 1000}, ${n * 1000 + 999}, 100) + 0.5`,
    wild: ["NaN", "Infinity", "-Infinity", "1e30", "-1e30", "8999.5"],
  },
  timestamptz: {
    kind: "time",
    type: "timestamptz",
    interval: "1 day",
    retention: { age: "5 days", then: "drop" },
    regular: (n) =>
      `SELECT timestamptz '2026-06-01Z' + interval '1 day' * ${n} + interval '1 hour' * g FROM generate_series(0, 9) AS g`,
    wild: [
      "infinity",
      "-infinity",
      "1970-01-01Z",
      "4713-01-01 00:00:00+00 BC",
      "0044-03-15 12:00Z BC",
      "0044-03-15 12:00Z",
      "294276-12-31 23:59:59Z",
      "9999-12-31Z",
    ],
  },
  date: {
    kind: "time",
    type: "date",
    interval: "1 month",
    retention: { count: 3, then: "drop" },
    regular: (n) => `SELECT date '2026-06-01' + 10 * ${n} + g FROM generate_series(0, 9) AS g`,
    wild: ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "294276-12-31", "1900-01-01"],
  },
  timestamp: {
    kind: "time",
    type: "timestamp",
    interval: "6 hours",
    retention: { age: "2 days", then: "drop" },
    regular: (n) =>
      `SELECT timestamp '2026-06-01' + interval '6 hours' * ${n} + interval '20 minutes' * g FROM generate_series(0, 9) AS g`,
    wild: ["infinity", "-infinity", "1970-01-01", "4713-01-01 BC", "294276-12-31 23:59:59"],
  },
  uuid: {
    kind: "uuid7",
    type: "uuid",
    interval: "1 day",
    retention: { age: "5 days", then: "drop" },
    regular: (n) =>
      `SELECT (lpad(to_hex((extract(epoch FROM timestamptz '2026-06-01Z' + interval '1 day' * ${n}) * 1000)::bigint + g), 12, '0') || '70008000000000000000')::uuid FROM generate_series(0, 9) AS g`,
    wild: [
      "00000000-0000-0000-0000-000000000000",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
      "e3a1c1d2-0f4b-4c55-9a7e-d1a2b3c4d5e6",
    ],
  },
};

describe("values that nobody means in the key of a set", () => {
  let stack: InProcessStack;
  let client: Client;
  beforeAll(async () => {
    stack = await InProcessStack.create(keeperStack());
    await stack.up();
    client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
  });
  afterAll(async () => {
    await client?.end();
    await stack?.dispose();
  });

  const rows = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows;
  const count = async (table: string) => Number((await rows(`SELECT count(*) AS n FROM ${table}`))[0].n);
  const plan = (table: string, now: string): Promise<Step[]> =>
    rows("SELECT * FROM pgwright.partition_plan(pgwright.partition_set($1), $2)", [table, now]);
  const maintain = async (table: string, now: string) => {
    try {
      await client.query("CALL pgwright.maintain_partitions($2::timestamptz, $1)", [table, now]);
    } catch (error) {
      throw new Error((error as { detail?: string }).detail ?? String(error), { cause: error });
    }
  };
  let made = 0;
  const create = async (key: Key, overflow: string, retention: object | null = key.retention) => {
    made += 1;
    const table = `data.t${made}`;
    await client.query(
      `SET ROLE owner; CREATE TABLE ${table} (k ${key.type}, n serial) PARTITION BY RANGE (k); CREATE INDEX ON ${table} (k);
       ${overflow === "none" ? "" : `CREATE TABLE ${table}_default PARTITION OF ${table} DEFAULT;`} RESET ROLE`,
    );
    await client.query(
      "INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, overflow, retention) VALUES ($1, $2, $3, 2, $4, $5)",
      [table, key.kind, key.interval, overflow, retention && JSON.stringify(retention)],
    );
    return table;
  };
  const drop = (table: string) =>
    client.query(`DROP TABLE ${table} CASCADE; DELETE FROM pgwright.partition_sets WHERE parent = '${table}'`);

  it("one number far ahead: nothing is dropped that was not due, the next partitions are made, and it is reported", async () => {
    const key = KEYS.bigint as Key;
    for (const retention of [key.retention, null]) {
      const table = await create(key, "guard", retention);
      await maintain(table, "2026-06-01Z");
      for (let n = 0; n <= 4; n += 1) {
        await client.query(`INSERT INTO ${table} (k) ${key.regular(n)}`);
        await maintain(table, "2026-06-01Z");
      }
      await client.query(`INSERT INTO ${table} (k) VALUES (9000000000000)`);
      const before = await count(table);
      const hold = (await plan(table, "2026-06-01Z")).filter(({ action }) => action === "hold");
      expect(hold.map(({ partition, bound }) => `${partition} ${bound}`).join()).toMatch(
        /^data\.t\d+_default holds numbers up to 9000000000000, beyond a gap in the partitions/,
      );
      await maintain(table, "2026-06-01Z");
      expect(await count(table)).toBe(before);
      const [health] = await rows("SELECT attention, last_error FROM pgwright.partition_health WHERE parent = $1", [
        table,
      ]);
      expect(health.attention).toMatch(/holds numbers up to 9000000000000/);
      expect(health.last_error).toBeNull();
      // It goes on, and takes what is due.
      for (let n = 5; n <= 8; n += 1) {
        await client.query(`INSERT INTO ${table} (k) ${key.regular(n)}`);
        await maintain(table, "2026-06-01Z");
      }
      expect(await count(`${table}_default`)).toBe(1);
      const [{ least }] = await rows(`SELECT min(k)::int AS least FROM ${table}`);
      expect(least).toBe(retention ? 3000 : 0);
      await drop(table);
    }
  });

  it("a number far ahead in a partition of its own, or in one wider than the interval, is not the newest", async () => {
    const key = KEYS.bigint as Key;
    const table = await create(key, "drain");
    await client.query(
      `SET ROLE owner; CREATE TABLE ${table}_old PARTITION OF ${table} FOR VALUES FROM (-1000000) TO (0);
       CREATE TABLE ${table}_wide PARTITION OF ${table} FOR VALUES FROM (0) TO (1000000000); RESET ROLE`,
    );
    await client.query(`INSERT INTO ${table} (k) VALUES (-3), (5), (990000000), (9000000000000)`);
    for (let turn = 0; turn < 4; turn += 1) await maintain(table, "2026-06-01Z");
    expect(await count(table)).toBe(4);
    expect(await count(`${table}_default`)).toBe(0);
    await drop(table);
  });

  it("a set of numbers that has come to the end of its type stands there, without an error", async () => {
    const table = await create(KEYS.integer as Key, "none", null);
    await client.query(
      `SET ROLE owner; CREATE TABLE ${table}_last PARTITION OF ${table} FOR VALUES FROM (2147482000) TO (2147483000); RESET ROLE;
       INSERT INTO ${table} (k) VALUES (2147482999)`,
    );
    await maintain(table, "2026-06-01Z");
    await client.query(`INSERT INTO ${table} (k) VALUES (2147483647)`);
    await maintain(table, "2026-06-01Z");
    expect(await plan(table, "2026-06-01Z")).toEqual([]);
    await drop(table);
  });

  it("rows of DEFAULT that guard keeps are reported, and the runs go on", async () => {
    const table = await create(KEYS.timestamptz as Key, "guard", null);
    await maintain(table, "2026-06-01T12:00Z");
    await client.query(`INSERT INTO ${table} (k) VALUES ('2026-06-05T12:00Z')`);
    await maintain(table, "2026-06-05T12:00Z");
    await maintain(table, "2026-06-05T12:00Z");
    const [health] = await rows("SELECT attention, last_error FROM pgwright.partition_health WHERE parent = $1", [
      table,
    ]);
    expect(health.attention).toMatch(
      /_y2026m06d05: FOR VALUES .* is not created, because DEFAULT has rows for it; move or delete them/,
    );
    expect(health.last_error).toBeNull();
    const names = await rows("SELECT relid::regclass::text AS name FROM pg_partition_tree($1) WHERE level = 1", [
      table,
    ]);
    expect(names.map(({ name }) => name)).toContain(`${table}_y2026m06d07`);
    await drop(table);
  });

  it("a table that becomes partitioned keeps rows of all times", async () => {
    for (const [name, now] of [
      ["timestamptz", "2026-06-03T12:00Z"],
      ["bigint", "2026-06-03T12:00Z"],
    ] as const) {
      const key = KEYS[name] as Key;
      made += 1;
      const table = `data.t${made}`;
      await client.query(
        `SET ROLE owner; CREATE TABLE ${table} (k ${key.type} NOT NULL, n serial, PRIMARY KEY (n, k)); RESET ROLE;
         INSERT INTO ${table} (k) ${key.regular(0)}; INSERT INTO ${table} (k) ${key.regular(1)}`,
      );
      for (const value of key.wild) await client.query(`INSERT INTO ${table} (k) VALUES ($1)`, [value]);
      const before = await count(table);
      await client.query(
        `INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, overflow, convert, retention)
         VALUES ($1, $2, $3, 2, 'guard', '{"column": "k"}', $4)`,
        [
          table,
          key.kind,
          key.interval,
          JSON.stringify({ age: key.kind === "time" ? "300 years" : "5000", then: "detach" }),
        ],
      );
      for (let turn = 0; turn < 3; turn += 1) await maintain(table, now);
      expect((await rows("SELECT relkind FROM pg_class WHERE oid = to_regclass($1)", [table]))[0].relkind).toBe("p");
      // Detached by their age, and nothing else.
      const detached = await rows(
        "SELECT name FROM pgwright.partitions_known WHERE parent = $1 AND state = 'detached'",
        [table],
      );
      let away = 0;
      for (const each of detached) away += await count(each.name);
      expect((await count(table)) + away).toBe(before);
      const young = key.kind === "time" ? "k > '1726-06-04Z' AND isfinite(k)" : "k BETWEEN -4000 AND 100000";
      expect(await count(`${table} WHERE ${young}`)).toBeGreaterThanOrEqual(20);
      expect(
        (await rows("SELECT last_error FROM pgwright.partition_sets WHERE parent = $1", [table]))[0].last_error,
      ).toBeNull();
      await client.query(`SELECT pgwright.partition_forget_source('${table}')`);
      await drop(table);
    }
  });

  it("whatever they are: no regular row that is not due goes, and every turn has its partitions ahead", async () => {
    const cases = fc
      .record({
        name: fc.constantFrom(...Object.keys(KEYS)),
        overflow: fc.constantFrom("guard", "drain"),
        premake: fc.integer({ min: 1, max: 4 }),
      })
      .chain((each) =>
        fc.record({
          each: fc.constant(each),
          wild: fc.array(
            fc.record({
              turn: fc.integer({ min: 0, max: 8 }),
              value: fc.option(fc.constantFrom(...(KEYS[each.name] as Key).wild), { freq: 8 }),
            }),
            { minLength: 1, maxLength: 5 },
          ),
        }),
      );
    await fc.assert(
      fc.asyncProperty(cases, async ({ each: { name, overflow, premake }, wild }) => {
        const key = KEYS[name] as Key;
        const table = await create(key, overflow);
        await client.query("UPDATE pgwright.partition_sets SET premake = $2 WHERE parent = $1", [table, premake]);
        const hours = { "1 day": 24, "6 hours": 6, "1 month": 240 }[key.interval] ?? 24;
        const at = (n: number) => new Date(Date.UTC(2026, 5, 1) + (n * hours + 1) * 3_600_000).toISOString();
        await maintain(table, at(0));
        for (let n = 0; n <= 8; n += 1) {
          await client.query(`INSERT INTO ${table} (k) ${key.regular(n)}`);
          for (const { turn, value } of wild)
            if (turn === n) await client.query(`INSERT INTO ${table} (k) VALUES ($1)`, [value]);
          await maintain(table, at(n));
          // The last four turns are never due.
          for (let m = Math.max(0, n - 3); m <= n; m += 1)
            expect(await count(`${table} WHERE k IN (${key.regular(m)})`), `turn ${m} at ${n}`).toBeGreaterThanOrEqual(
              10,
            );
        }
        // Regular rows went into partitions made for them.
        if (wild.every(({ value }) => !["-1", "14000", "8999.5"].includes(value ?? "")))
          expect(await count(`${table}_default WHERE k IN (${key.regular(8)})`)).toBe(0);
        await drop(table);
      }),
      { numRuns: 25 },
    );
  });
});
