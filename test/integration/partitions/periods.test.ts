import fc from "fast-check";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";
import { keeperStack } from "./keeper-stack";

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "America/St_Johns", // clocks went back at 00:01 until 2006
  "America/Sao_Paulo", // midnight did not exist once a year until 2019
  "Australia/Lord_Howe", // half an hour of daylight saving
  "Asia/Kathmandu",
  "Asia/Beirut", // clocks change at midnight
  "Pacific/Apia", // had no 30 December 2011
  "Pacific/Kwajalein", // had no 21 August 1993
];
const PARTS_OF_A_DAY = ["15 minutes", "1 hour", "6 hours"];
const DAYS = ["1 day", "7 days", "10 days"];
const MONTHS = ["1 month", "2 months", "3 months", "6 months", "1 year", "2 years"];
const INTERVALS = [...PARTS_OF_A_DAY, ...DAYS, ...MONTHS];

/** Moments at which a clock or a calendar does something odd, and a day around them. */
const ODD = [
  "1997-04-06T05:00Z",
  "1993-08-20T23:00Z",
  "2004-02-29T12:00Z",
  "2005-10-30T02:31Z",
  "2011-12-30T10:00Z",
  "2018-11-04T03:00Z",
  "2024-02-29T23:59:59Z",
  "2025-03-30T01:00Z",
  "2025-10-26T01:00Z",
  "2026-11-01T06:00Z",
  "2027-01-01T00:00Z",
];
const moment = fc.oneof(
  fc.integer({ min: Date.UTC(1995, 0) / 1000, max: Date.UTC(2045, 0) / 1000 }),
  fc
    .tuple(fc.constantFrom(...ODD), fc.integer({ min: -90_000, max: 90_000 }))
    .map(([at, off]) => Date.parse(at) / 1000 + off),
);

function localDate(seconds: number, zone: string): { year: number; month: number; day: number } {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
  });
  const parts = Object.fromEntries(
    format.formatToParts(seconds * 1000).map(({ type, value }) => [type, Number(value)]),
  );
  return parts as { year: number; month: number; day: number };
}

interface Period {
  lower: number;
  upper: number;
}

describe("partitions along the clock", () => {
  let stack: InProcessStack;
  let client: Client;
  beforeAll(async () => {
    stack = await InProcessStack.create(keeperStack());
    await stack.up();
    client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
  });
  afterAll(async () => {
    await client?.end();
    await stack.dispose();
  });

  const periods = async (interval: string, zone: string, from: number, to: number): Promise<Period[]> => {
    const { rows } = await client.query(
      `SELECT lower_position::float8 AS lower, upper_position::float8 AS upper
       FROM pgwright.partition_periods('time', $1, $2, $3, $4)`,
      [interval, zone, from, to],
    );
    return rows;
  };

  it("cover any stretch of time without gap or overlap, and begin where the calendar of the zone says", async () => {
    const cases = fc.record({
      interval: fc.constantFrom(...INTERVALS),
      zone: fc.constantFrom(...ZONES),
      from: moment,
      length: fc.integer({ min: 0, max: 40 }),
      session: fc.constantFrom("UTC", "Asia/Tokyo", "America/Los_Angeles"),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ interval, zone, from, length, session }) => {
        await client.query(`SET timezone = '${session}'`);
        const width = { minute: 60, hour: 3600, day: 86_400, month: 2_629_746, year: 31_556_952 };
        const [n, unit = ""] = interval.split(" ");
        const to = from + Number(n) * width[unit.replace(/s$/, "") as keyof typeof width] * length;
        const found = await periods(interval, zone, from, to);
        expect(found[0]?.lower).toBeLessThanOrEqual(from);
        expect(found[0]?.upper).toBeGreaterThan(from);
        expect(found.at(-1)?.lower).toBeLessThanOrEqual(to);
        expect(found.at(-1)?.upper).toBeGreaterThan(to);
        for (const [i, { lower, upper }] of found.entries()) {
          expect(upper).toBeGreaterThan(lower);
          if (i > 0) expect(found[i - 1]?.upper).toBe(lower);
          if (PARTS_OF_A_DAY.includes(interval)) {
            expect(upper - lower).toBe(Number(n) * width[unit.replace(/s$/, "") as keyof typeof width]);
            continue;
          }
          // The first moment of a day there.
          const [day, before] = [localDate(lower, zone), localDate(lower - 1, zone)];
          expect(day).not.toEqual(before);
          if (MONTHS.includes(interval)) expect(day.day).toBe(1);
        }
        // Asked from elsewhere, the same.
        const middle = found[Math.floor(found.length / 2)] as Period;
        expect(await periods(interval, zone, middle.lower, middle.lower)).toEqual([middle]);
      }),
      { numRuns: 600 },
    );
  });

  it("go on ahead, and back as retention counts them, as if asked one after the other", async () => {
    const cases = fc.record({
      interval: fc.constantFrom(...INTERVALS),
      zone: fc.constantFrom(...ZONES),
      at: moment,
      n: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ interval, zone, at, n }) => {
        const one = async (position: number) => (await periods(interval, zone, position, position))[0] as Period;
        const ahead: Period[] = [await one(at)];
        const back: Period[] = [...ahead];
        for (let i = 0; i < n; i += 1) {
          ahead.push(await one((ahead.at(-1) as Period).upper));
          back.push(await one((back.at(-1) as Period).lower - 0.001));
        }
        const { rows } = await client.query(
          `SELECT lower_position::float8 AS lower, upper_position::float8 AS upper
           FROM pgwright.partition_periods('time', $1, $2, $3, $3, $4)`,
          [interval, zone, at, n],
        );
        expect(rows).toEqual(ahead);
        const set = { kind: "time", interval, zone, retention: { count: n, then: "drop" } };
        const { rows: cut } = await client.query(
          `SELECT pgwright.partition_cutoff(s, 'timestamptz', to_timestamp($2), $2::numeric)::float8 AS at
           FROM jsonb_populate_record(NULL::pgwright.partition_sets, $1) AS s`,
          [JSON.stringify(set), at],
        );
        expect(cut[0].at).toBe(back[n - 1]?.lower);
      }),
      { numRuns: 150 },
    );
  });

  it("cover numbers, negative ones too", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.maxSafeInteger(),
        fc.integer({ min: 0, max: 50 }),
        async (interval, from, length) => {
          const { rows } = await client.query(
            `SELECT lower_position::text AS lower, upper_position::text AS upper
           FROM pgwright.partition_periods('integer', $1, 'UTC', $2, $3)`,
            [String(interval), from, BigInt(from) + BigInt(interval) * BigInt(length)],
          );
          expect(BigInt(rows[0].lower) <= BigInt(from) && BigInt(rows[0].upper) > BigInt(from)).toBe(true);
          rows.forEach((row, i) => {
            expect(BigInt(row.upper) - BigInt(row.lower)).toBe(BigInt(interval));
            expect(BigInt(row.lower) % BigInt(interval)).toBe(0n);
            if (i > 0) expect(rows[i - 1].upper).toBe(row.lower);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are made once: a second run of the same moment does nothing, and each row finds its partition", async () => {
    let n = 0;
    const cases = fc.record({
      interval: fc.constantFrom(...DAYS, ...MONTHS, "6 hours"),
      next: fc.constantFrom(...DAYS, ...MONTHS),
      zone: fc.constantFrom(...ZONES),
      type: fc.constantFrom("timestamptz", "timestamp", "date", "uuid"),
      at: moment,
      premake: fc.integer({ min: 0, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ interval, next, zone, type, at, premake }) => {
        if (type === "date" && interval === "6 hours") return;
        n += 1;
        const table = `public.t${n}`;
        await client.query(
          `SET timezone = 'Asia/Tokyo'; CREATE TABLE ${table} (at ${type} NOT NULL) PARTITION BY RANGE (at); ALTER TABLE ${table} OWNER TO owner`,
        );
        await client.query(
          "INSERT INTO pgwright.partition_sets (parent, kind, interval, zone, premake) VALUES ($1, $2, $3, $4, $5)",
          [table, type === "uuid" ? "uuid7" : "time", interval, zone, premake],
        );
        const plan = async () =>
          (
            await client.query("SELECT * FROM pgwright.partition_plan(pgwright.partition_set($1), to_timestamp($2))", [
              table,
              at,
            ])
          ).rows;
        const run = () => client.query("CALL pgwright.maintain_partitions(to_timestamp($1), $2)", [at, table]);
        expect((await plan()).length).toBeGreaterThanOrEqual(premake + 1);
        await run();
        expect(await plan()).toEqual([]);
        // The interval changes: what is there stays, the rest of the new period is filled up.
        await client.query("UPDATE pgwright.partition_sets SET interval = $2 WHERE parent = $1", [table, next]);
        await run();
        expect(await plan()).toEqual([]);
        const moments = Array.from({ length: 20 }, (_, i) => at + i * 3600);
        const value = {
          timestamptz: "to_timestamp(s)",
          timestamp: `to_timestamp(s) AT TIME ZONE '${zone}'`,
          date: `(to_timestamp(s) AT TIME ZONE '${zone}')::date`,
          uuid: "pgwright.partition_literal('uuid', 'uuid7', s::numeric)::uuid",
        }[type];
        if (premake > 0 || interval !== "6 hours")
          await client.query(`INSERT INTO ${table} SELECT ${value} FROM unnest($1::float8[]) AS s`, [
            moments.slice(0, premake > 0 ? 6 : 1),
          ]);
        await client.query(`DROP TABLE ${table}; DELETE FROM pgwright.partition_sets WHERE parent = '${table}'`);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["time", "5 hours", "divide a day"],
    ["time", "5 months", "divide a year"],
    ["time", "1 month 3 days", "is not allowed"],
    ["time", "-1 day", "is not allowed"],
    ["time", "0 days", "is not allowed"],
    ["integer", "0", "whole number from 1 on"],
    ["integer", "1.5", "whole number from 1 on"],
  ])("refuse %s by %s", async (kind, interval, problem) => {
    await expect(
      client.query("SELECT pgwright.partition_periods($1, $2, 'UTC', 0, 1)", [kind, interval]),
    ).rejects.toThrow(problem);
  });
});
