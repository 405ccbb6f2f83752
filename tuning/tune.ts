/** Derives settings with their reasons from resources and workload. See plan.ts for the numbers and memory.ts for the budget. */
import { canonicalValue, checkSetting, checkValue, nearClasses, preloadLibraryOf, type Value } from "./catalogue";
import { contradictions, librariesIn, Values } from "./contradictions";
import { fixedSettings, type Setting } from "./defaults";
import { budgetOf, sharedMemoryFor, type Budget } from "./memory";
import { OTHER_WORKERS, plan, type Plan, type Resources } from "./plan";
import { formatKilobytes } from "./units";

export type { Setting } from "./defaults";
export type { Budget, BudgetItem } from "./memory";
export type { Resources, Storage, Workload } from "./plan";

export interface Tuning {
  settings: Setting[];
  /** Size of /dev/shm, MiB; it counts inside the container's memory limit. */
  sharedMemory: number;
  budget: Budget;
  /** Warnings about overrides of the stack file. */
  warnings: string[];
}

/** Settings without those of libraries that are not loaded. Declared ones stay, and are reported as a contradiction. */
function withoutUnloadedLibraries(settings: Setting[], declared: ReadonlySet<string>): Setting[] {
  const libraries = librariesIn(settings.find(({ name }) => name === "shared_preload_libraries")?.value ?? "");
  return settings.filter(({ name }) => {
    const library = preloadLibraryOf(name);
    return declared.has(name) || library === undefined || libraries.includes(library);
  });
}

/**
 * The settings of a server, each with its reason: tuned for the resources, `required` by other parts of pgwright (the archive, the
 * database of pg_cron), and the `overrides` of the stack file, which replace tuned values but not required ones. The budget is that of
 * the result; a warning reports a budget above the limit. Throws an error with all problems, one a line, for impossible values and
 * combinations, and for connections that do not fit in the memory.
 */
export function tune(
  resources: Resources,
  overrides: Record<string, Value> = {},
  required: readonly Setting[] = [],
): Tuning {
  const problems = [
    ...Object.entries(overrides).map(([name, value]) => checkSetting(name, value)),
    ...required.map(({ name, value }) => checkValue(name, value)),
    ...clashes(resources, overrides, required),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new Error(problems.join("\n"));

  const chosen = Object.entries(overrides).map(([name, value]) => fromStackFile(name, value));
  const given = [...chosen, ...required.map((setting) => ({ ...setting, name: setting.name.toLowerCase() }))];
  const merged = new Map(
    [...sizedSettings(resources), ...fixedSettings, ...given].map((setting) => [setting.name, setting]),
  );
  const settings = withoutUnloadedLibraries([...merged.values()], new Set(given.map(({ name }) => name)));

  const impossible = contradictions(settings, resources.memory);
  if (impossible.length > 0) throw new Error(impossible.join("\n"));
  const { demand } = new Values(settings);
  const budget = budgetOf(demand, resources.memory);
  return {
    settings,
    sharedMemory: sharedMemoryFor(demand, resources.memory),
    budget,
    warnings: [...overspent(budget), ...dangers(chosen)],
  };
}

function fromStackFile(name: string, value: Value): Setting {
  const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value);
  return { name: name.toLowerCase(), value: text, reason: "set in the stack file" };
}

/** Parameters that are declared twice with different values. */
function clashes(resources: Resources, overrides: Record<string, Value>, required: readonly Setting[]): string[] {
  const found: string[] = [];
  const seen = new Map<string, string>();
  for (const [name, value] of Object.entries(overrides)) {
    const lower = name.toLowerCase();
    const twin = seen.get(lower);
    if (twin !== undefined) found.push(`${twin} and ${name} are the same parameter; remove one`);
    seen.set(lower, name);

    const needed = required.find((candidate) => candidate.name.toLowerCase() === lower);
    if (needed !== undefined && !sameValue(lower, needed.value, value)) {
      found.push(`${name} = ${JSON.stringify(value)}, but pgwright needs ${needed.value}: ${needed.reason}`);
    }
    const { connections } = resources;
    if (lower === "max_connections" && connections !== undefined && !sameValue(lower, connections, value)) {
      found.push(
        `max_connections = ${JSON.stringify(value)}, but connections is ${connections}; remove max_connections`,
      );
    }
  }
  return found;
}

function sameValue(name: string, one: Value, other: Value): boolean {
  // checkSetting already reports an invalid value.
  if (checkValue(name, one) !== undefined || checkValue(name, other) !== undefined) return true;
  return canonicalValue(name, one) === canonicalValue(name, other);
}

function overspent({ limit, total, items }: Budget): string[] {
  if (total <= limit) return [];
  const list = items.map(({ what, mebibytes }) => `${mebibytes} ${what}`).join("; ");
  return [
    `the settings can use ${total} MiB, and at the container's limit of ${limit} MiB the kernel kills processes; lower them: ${list}`,
  ];
}

function dangers(chosen: readonly Setting[]): string[] {
  const values = new Values(chosen);
  const found: string[] = [];
  if (values.text("fsync") === "off") found.push("fsync is off: a crash of the machine can corrupt the whole cluster");
  if (values.text("full_page_writes") === "off")
    found.push("full_page_writes is off: a crash of the machine can leave torn pages");
  if (values.text("huge_pages") === "on") {
    found.push("huge_pages is on: the server does not start if the machine has too few huge pages; set try");
  }
  for (const { name } of chosen) {
    const near = nearClasses(name);
    if (near.length > 0)
      found.push(`no library of the image has a parameter ${name}; did you mean one of ${near.join(" or ")}?`);
  }
  return found;
}

/** The settings that depend on the resources. */
function sizedSettings(resources: Resources): Setting[] {
  const numbers = plan(resources);
  const { memory, cpus, storage, workload } = resources;
  const size = formatKilobytes;
  const settings: Setting[] = [];
  const set = (name: string, value: string | number, reason: string): void => {
    settings.push({ name, value: String(value), reason });
  };

  set("max_connections", numbers.connections, connectionsReason(resources, numbers));
  set("shared_buffers", size(numbers.sharedBuffers), `a quarter of ${memory} MiB`);
  set(
    "effective_cache_size",
    size(numbers.effectiveCacheSize),
    `three quarters of ${memory} MiB: shared_buffers and page cache`,
  );
  set("work_mem", size(numbers.workMem), workMemReason(resources, numbers));
  set("maintenance_work_mem", size(numbers.maintenanceWorkMem), maintenanceReason(resources));
  set(
    "autovacuum_work_mem",
    size(numbers.autovacuumWorkMem),
    `for each of ${numbers.autovacuumWorkers} workers, at most 2GB`,
  );
  if (numbers.autovacuumWorkers > 3) set("autovacuum_max_workers", numbers.autovacuumWorkers, `${cpus} CPUs`);
  set(
    "huge_pages",
    numbers.hugePages,
    "useful from 2GB of shared_buffers; with 'on' the server would not start without them",
  );

  set("wal_buffers", size(numbers.walBuffers), "3% of shared_buffers, at most 16MB");
  set("min_wal_size", size(numbers.minWal), `usual for ${workload}`);
  set("max_wal_size", size(numbers.maxWal), `usual for ${workload}: checkpoints are triggered by time, not by WAL`);

  set("random_page_cost", numbers.randomPageCost, pageCostReason(resources));
  set("effective_io_concurrency", numbers.effectiveIoConcurrency, `usual for ${storage}`);
  if (numbers.statisticsTarget !== 100) {
    set("default_statistics_target", numbers.statisticsTarget, `${workload}: better plans outweigh a longer ANALYZE`);
  }
  if (!numbers.jit) set("jit", "off", "compilation costs short queries more time than it saves");

  const { parallelWorkers, cronJobs, workerProcesses } = numbers;
  const workers = `${parallelWorkers} for parallel queries, ${cronJobs} for cron jobs, ${OTHER_WORKERS} for launchers and others`;
  set("max_worker_processes", workerProcesses, workerProcesses === 8 ? `the server's default; ${workers}` : workers);
  set("max_parallel_workers", parallelWorkers, `${cpus} CPUs, at most one worker for each 128 MiB`);
  set(
    "max_parallel_workers_per_gather",
    numbers.parallelWorkersPerGather,
    "at most half of max_parallel_workers for one query",
  );
  set("max_parallel_maintenance_workers", numbers.parallelMaintenanceWorkers, parallelBuildReason(resources));
  set("cron.max_running_jobs", cronJobs, "each needs a worker process and the memory of a session");
  return settings;
}

function connectionsReason({ memory, workload, connections }: Resources, { limited }: Plan): string {
  if (connections !== undefined) return "declared as connections in the stack file";
  if (!limited.connections) return `usual for ${workload}`;
  return `the number that fits in ${memory} MiB; a pooler allows more clients`;
}

function workMemReason({ memory }: Resources, { connections, parallelWorkers, limited }: Plan): string {
  if (limited.workMem)
    return `the rest of the budget of ${memory} MiB for a sort and a hash in each of ${connections} connections`;
  return `PGTune's share for ${connections} connections and ${parallelWorkers} parallel workers, at least 4MB`;
}

function maintenanceReason({ memory, workload }: Resources): string {
  if (memory < 1024) return "a sixteenth of the memory";
  if (workload === "vector") return "an eighth of the memory, at most 32GB: an HNSW graph must fit while it is built";
  return `${workload === "analytics" ? "an eighth" : "a sixteenth"} of the memory, at most 8GB`;
}

function pageCostReason({ storage, databaseSize, workload }: Resources): string {
  if (databaseSize === "smaller") return "the database fits in memory";
  if (storage === "hdd") return "random reads need disk seeks";
  return workload === "analytics" ? "large scans should stay sequential" : `${storage} reads almost as fast at random`;
}

function parallelBuildReason({ workload }: Resources): string {
  if (workload === "vector") return "an HNSW build uses one process for each CPU, at most 8";
  return "at most half of max_parallel_workers for one index build, and at most 4";
}
