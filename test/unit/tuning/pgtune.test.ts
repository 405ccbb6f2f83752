/**
 * Our values beside PGTune's own (le0pard/pgtune at 7caef27c, see ../data/pgtune-cases.json). Each difference has to match a rule
 * below that says why, and each rule has to be needed.
 */
import { afterAll, describe, expect, it } from "vitest";
import { canonicalValue, findParameter } from "../../../tuning/catalogue";
import { budgetOf } from "../../../tuning/memory";
import { Values } from "../../../tuning/contradictions";
import { pgtuneWorkMem } from "../../../tuning/plan";
import { tune, type Resources, type Tuning } from "../../../tuning/tune";
import cases from "../data/pgtune-cases.json";

interface Row {
  input: {
    dbType: string;
    memory: string;
    cpus: number | null;
    connections: number | null;
    storage: string;
    dbSize: string;
  };
  expected: Record<string, string | number>;
}

const rows = cases.rows as unknown as Row[];
// wal_level = minimal and max_wal_senders = 0 rule out archiving, backups and standbys: no workload of ours is like it.
const compared = rows.filter(({ input }) => input.dbType !== "desktop");

const workloads = { web: "web", oltp: "oltp", dw: "analytics", mixed: "mixed" } as const;
const sizes = { less_ram: "smaller", mid_ram: "similar", greater_ram: "larger" } as const;

function resourcesOf({ input }: Row): Resources {
  const [, figure, unit] = /^(\d+)(MB|GB)$/.exec(input.memory)!;
  return {
    memory: Number(figure) * (unit === "GB" ? 1024 : 1),
    // Without a number PGTune counts as with few CPUs.
    cpus: input.cpus ?? 1,
    storage: input.storage as Resources["storage"],
    workload: workloads[input.dbType as keyof typeof workloads],
    connections: input.connections ?? undefined,
    databaseSize: sizes[input.dbSize as keyof typeof sizes],
  };
}

interface Difference {
  resources: Resources;
  name: string;
  /** In base units. */
  ours: number;
  theirs: number;
  tuning: Tuning;
}

const fewerConnections = ({ tuning, resources }: Difference): boolean =>
  resources.connections === undefined &&
  tuning.settings.some((s) => s.name === "max_connections" && /^the number that fits/.test(s.reason));

/** Would PGTune's work_mem, with our connections, be more than the container may use? */
function overspends({ tuning, resources, theirs }: Difference): boolean {
  const { demand } = new Values(tuning.settings);
  return budgetOf({ ...demand, workMem: theirs }, resources.memory).total > resources.memory;
}

const rules: { name: string; reason: string; when: (difference: Difference) => boolean }[] = [
  {
    name: "max_connections",
    reason:
      "PGTune's usual number does not look at the memory; ours is what fits with work_mem at 4MB, or 1MB where that is few",
    when: (d) => fewerConnections(d) && d.ours < d.theirs,
  },
  {
    name: "work_mem",
    reason:
      "PGTune shares out all memory beside shared_buffers and leaves none for maintenance, autovacuum, /dev/shm, processes",
    when: (d) => d.ours < d.theirs && overspends(d),
  },
  {
    name: "work_mem",
    reason: "fewer connections share the memory",
    when: (d) => d.ours > d.theirs && fewerConnections(d),
  },
  {
    name: "autovacuum_work_mem",
    reason:
      "three workers with 2GB each are a fifth of 32GB; PostgreSQL 17 needs a fraction of what its predecessors did",
    when: (d) => d.resources.memory < 128 * 1024 && d.ours === (d.resources.memory * 1024) / 64,
  },
  {
    name: "max_worker_processes",
    reason:
      "PGTune's are all for parallel queries; cron jobs, launchers and subscriptions take theirs from the same number",
    when: (d) => d.ours > d.theirs || d.resources.memory / 128 < d.resources.cpus,
  },
  ...["max_parallel_workers", "max_parallel_workers_per_gather", "max_parallel_maintenance_workers"].map((name) => ({
    name,
    reason: "many CPUs and little memory: a worker for 128 MiB at most",
    when: (d: Difference) => d.ours < d.theirs && d.resources.memory / 128 < d.resources.cpus,
  })),
];
const used = new Set<object>();

const title = ({ input: i }: Row): string =>
  `${i.dbType} ${i.memory} ${i.cpus ?? "?"} CPUs ${i.connections ?? "?"} connections ${i.storage} ${i.dbSize}`;

describe("PGTune", () => {
  const refused: string[] = [];

  it.each(compared.map((row) => ({ title: title(row), row })))("$title", ({ title, row }) => {
    const resources = resourcesOf(row);
    let tuning: Tuning;
    try {
      tuning = tune(resources);
    } catch (error) {
      expect((error as Error).message).toMatch(/100 connections do not fit in 1024 MiB/);
      refused.push(title);
      return;
    }
    const values = new Map(tuning.settings.map(({ name, value }) => [name, value]));
    for (const [name, expected] of Object.entries(row.expected)) {
      // What we do not set is what the server has anyway.
      const [ours, theirs] = [values.get(name) ?? findParameter(name)!.default!, expected].map((v) =>
        canonicalValue(name, v),
      );
      if (ours === theirs) continue;
      const difference = { resources, name, ours: Number(ours), theirs: Number(theirs), tuning };
      const rule = rules.find((candidate) => candidate.name === name && candidate.when(difference));
      if (rule) used.add(rule);
      expect(rule, `${name}: ours ${values.get(name)}, PGTune's ${expected}`).toBeDefined();
    }
  });

  it("has our work_mem before the budget, in all rows", () => {
    for (const row of compared) {
      const kilobytes = pgtuneWorkMem(resourcesOf(row), Number(row.expected.max_connections));
      expect([title(row), String(kilobytes)]).toEqual([title(row), canonicalValue("work_mem", row.expected.work_mem!)]);
    }
  });

  // The cases have hdd and san only.
  it.each([
    ["ssd", "200"],
    ["nvme", "1000"],
  ] as const)("reads ahead on %s as PGTune does", (storage, expected) => {
    const { settings } = tune({ memory: 4096, cpus: 4, storage, workload: "web" });
    expect(settings.find(({ name }) => name === "effective_io_concurrency")?.value).toBe(expected);
  });

  it("compares most rows", () => {
    expect([rows.length, compared.length]).toEqual([40, 32]);
  });

  afterAll(() => {
    // 100 connections in 1GB: with PGTune's 4MB they could use 1.2GB for sorting alone.
    expect(refused.every((row) => / 1GB .* 100 connections/.test(row))).toBe(true);
    expect(refused).toHaveLength(4);
    expect(rules.filter((rule) => !used.has(rule)).map(({ name, reason }) => `${name}: ${reason}`)).toEqual([]);
  });
});
