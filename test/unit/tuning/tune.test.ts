import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkValue, applyModeOf, findParameter } from "../../../tuning/catalogue";
import { Values } from "../../../tuning/contradictions";
import { tune, type Resources, type Tuning } from "../../../tuning/tune";

const TERABYTE = 1024 * 1024;

/** Sizes spread evenly over the orders of magnitude, as small containers are where it gets tight. */
const memory = fc.oneof(
  fc.double({ min: Math.log2(512), max: Math.log2(TERABYTE), noNaN: true }).map((power) => Math.round(2 ** power)),
  fc.constantFrom(512, 513, 1024, 2048, 4096, 8192, 16384, 32768, TERABYTE),
);
const resources: fc.Arbitrary<Resources> = fc.record(
  {
    memory,
    cpus: fc.oneof(fc.integer({ min: 1, max: 128 }), fc.constantFrom(0.25, 0.5, 1.5, 3.9, 1024)),
    storage: fc.constantFrom("hdd", "ssd", "san", "nvme"),
    workload: fc.constantFrom("oltp", "web", "analytics", "mixed", "vector"),
    databaseSize: fc.constantFrom("smaller", "similar", "larger"),
  },
  { requiredKeys: ["memory", "cpus", "storage", "workload"] },
);
const withConnections = fc
  .tuple(resources, fc.oneof(fc.integer({ min: 5, max: 300 }), fc.integer({ min: 5, max: 10_000 })))
  .map(([some, connections]): Resources => ({ ...some, connections }));

const runs = { numRuns: 300 };
const value = (tuning: Tuning, name: string): string | undefined => tuning.settings.find((s) => s.name === name)?.value;

/** The sum of the settings alone, without memory.ts: what is said here must hold however the model is built. */
function plainSum({ settings, sharedMemory }: Tuning): number {
  const values = new Values(settings);
  const mebibytes = (name: string): number => values.number(name) / 1024;
  return (
    (values.number("shared_buffers") * 8) / 1024 +
    values.number("max_connections") * mebibytes("work_mem") * 3 +
    values.number("autovacuum_max_workers") * mebibytes("autovacuum_work_mem") +
    mebibytes("maintenance_work_mem") +
    sharedMemory
  );
}

function holdsInvariants(given: Resources, tuning: Tuning): void {
  const values = new Values(tuning.settings);

  // Memory: the model's sum and the plain one.
  expect(tuning.budget.total).toBeLessThanOrEqual(given.memory);
  expect(tuning.budget.total).toBe(tuning.budget.items.reduce((sum, { mebibytes }) => sum + mebibytes, 0));
  expect(plainSum(tuning)).toBeLessThan(given.memory);

  // /dev/shm holds what parallel builds put there.
  const maintenance = values.number("maintenance_work_mem") / 1024;
  expect(tuning.sharedMemory).toBeGreaterThanOrEqual(1.25 * maintenance);
  expect(tuning.sharedMemory).toBeGreaterThanOrEqual(given.memory >= 2048 ? 256 : Math.floor(given.memory / 8));

  // Workers: parallel queries, cron jobs, pg_cron's launcher, logical replication's launcher.
  const parallel = values.number("max_parallel_workers");
  expect(values.number("max_worker_processes")).toBeGreaterThanOrEqual(
    parallel + values.number("cron.max_running_jobs") + 2,
  );
  expect(values.number("max_parallel_workers_per_gather")).toBeLessThanOrEqual(parallel);
  expect(values.number("max_parallel_maintenance_workers")).toBeLessThanOrEqual(parallel);

  // Archiving stays possible, and no value stops the server from starting.
  expect(values.text("wal_level")).toBe("replica");
  expect(value(tuning, "huge_pages")).toMatch(/^(try|off)$/);
  expect(values.number("max_connections")).toBeGreaterThanOrEqual(given.connections ?? 10);
  expect(values.number("work_mem")).toBeGreaterThanOrEqual(1024);

  for (const { name, value, reason } of tuning.settings) {
    expect(checkValue(name, value)).toBeUndefined();
    expect(findParameter(name)!.name.toLowerCase()).toBe(name);
    expect(reason).not.toBe("");
    expect(reason).not.toMatch(/undefined|NaN|\n/);
    applyModeOf(name);
  }
  expect(new Set(tuning.settings.map(({ name }) => name)).size).toBe(tuning.settings.length);
}

describe("tune", () => {
  it("stays inside the limits for all resources", () => {
    fc.assert(
      fc.property(resources, (given) => {
        const tuning = tune(given);
        holdsInvariants(given, tuning);
        expect(tuning).toEqual(tune(given));
        expect(tuning.warnings).toEqual([]);
      }),
      runs,
    );
  });

  it("gives the connections that are asked for, or says how many would fit and what memory they need", () => {
    fc.assert(
      fc.property(withConnections, (given) => {
        let tuning: Tuning;
        try {
          tuning = tune(given);
        } catch (error) {
          const { message } = error as Error;
          expect(message).toContain(`${given.connections} connections do not fit in ${given.memory} MiB`);
          const fewer = /at most (\d+) connections/.exec(message);
          const asSaid = { ...given, connections: Number(fewer?.[1]) };
          if (fewer) holdsInvariants(asSaid, tune(asSaid));
          const more = /at least (\d+) MiB/.exec(message);
          const larger = { ...given, memory: Number(more![1]) };
          holdsInvariants(larger, tune(larger));
          return;
        }
        holdsInvariants(given, tuning);
        expect(value(tuning, "max_connections")).toBe(String(given.connections));
      }),
      runs,
    );
  });

  it("gives no less shared_buffers and maintenance_work_mem for more memory", () => {
    fc.assert(
      fc.property(resources, fc.integer({ min: 1, max: 65536 }), (given, more) => {
        const [less, larger] = [given, { ...given, memory: given.memory + more }].map(
          (r) => new Values(tune(r).settings),
        );
        for (const name of ["shared_buffers", "maintenance_work_mem", "effective_cache_size"]) {
          expect(larger!.number(name), name).toBeGreaterThanOrEqual(less!.number(name));
        }
      }),
      runs,
    );
  });

  it("has room for a newcomer's container and for the smallest one", () => {
    const small = tune({ memory: 512, cpus: 1, storage: "ssd", workload: "web" });
    const usual = tune({ memory: 2048, cpus: 2, storage: "ssd", workload: "mixed" });
    expect(Number(value(small, "max_connections"))).toBeGreaterThanOrEqual(15);
    expect(Number(value(usual, "max_connections"))).toBeGreaterThanOrEqual(40);
    expect(value(usual, "shared_buffers")).toBe("512MB");
  });

  it("prepares vector workloads for parallel HNSW builds", () => {
    const tuning = tune({ memory: 65536, cpus: 16, storage: "nvme", workload: "vector" });
    expect(value(tuning, "maintenance_work_mem")).toBe("8GB");
    expect(value(tuning, "max_parallel_maintenance_workers")).toBe("7");
    expect(tuning.sharedMemory).toBeGreaterThanOrEqual(10 * 1024);
  });

  it.each([
    [{ memory: 256 }, /memory: 256 MiB; .* at least 512/],
    [{ memory: 1024.5 }, /whole number of MiB/],
    [{ cpus: 0 }, /cpus: 0/],
    [{ connections: 4 }, /connections: 4; .* at least 5/],
    [
      { memory: 512, connections: 500 },
      /500 connections do not fit in 512 MiB.*at most \d+ connections.*at least \d+ MiB/,
    ],
  ])("refuses %j", (change, text) => {
    expect(() => tune({ memory: 2048, cpus: 2, storage: "ssd", workload: "mixed", ...change })).toThrow(text);
  });
});
