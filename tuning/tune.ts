/** From resources and workload to settings, each with its reason. See plan.ts for the numbers and memory.ts for the budget. */
import { canonicalValue, checkSetting, checkValue, nearClasses, preloadLibraryOf, type Value } from "./catalogue";
import { contradictions, librariesIn, Values } from "./contradictions";
import { houseDefaults, type Setting } from "./defaults";
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
  /** What may go wrong with the overrides, in sentences for the one who deploys. */
  warnings: string[];
}

/** The settings for a server of these resources. Throws on a contradiction, with both values and what would fit. */
export function tune(resources: Resources): Tuning {
  return summarise(ofLoadedLibraries(ours(resources)), resources.memory);
}

const ours = (resources: Resources): Setting[] => [...sized(resources), ...houseDefaults];

/** Settings without those of a library that is not loaded; those that were asked for by name stay, as a contradiction. */
function ofLoadedLibraries(settings: Setting[], named: ReadonlySet<string> = new Set()): Setting[] {
  const libraries = librariesIn(settings.find(({ name }) => name === "shared_preload_libraries")?.value ?? "");
  return settings.filter(({ name }) => {
    const library = preloadLibraryOf(name);
    return named.has(name) || library === undefined || libraries.includes(library);
  });
}

/**
 * The settings of a server: those of `tune`, those that other parts of pgwright need (`parts`: the archive, TLS, the database
 * of pg_cron), and the `overrides` of the stack file, which win over tuned values but not over parts. The budget is that of
 * the result; if it exceeds the limit, a warning says so. Throws, with all problems, if a value or a combination is impossible.
 */
export function settingsFor(
  resources: Resources,
  overrides: Record<string, Value> = {},
  parts: readonly Setting[] = [],
): Tuning {
  const problems = [
    ...Object.entries(overrides).map(([name, value]) => checkSetting(name, value)),
    ...parts.map(({ name, value }) => checkValue(name, value)),
    ...clashes(resources, overrides, parts),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new Error(problems.join("\n"));

  const chosen = Object.entries(overrides).map(([name, value]) => fromStackFile(name, value));
  const given = [...chosen, ...parts.map((part) => ({ ...part, name: part.name.toLowerCase() }))];
  const merged = new Map(ours(resources).map((setting) => [setting.name, setting]));
  for (const setting of given) merged.set(setting.name, setting);
  const settings = ofLoadedLibraries([...merged.values()], new Set(given.map(({ name }) => name)));

  const impossible = contradictions(settings, resources.memory);
  if (impossible.length > 0) throw new Error(impossible.join("\n"));
  const tuning = summarise(settings, resources.memory);
  return { ...tuning, warnings: [...overspent(tuning.budget), ...dangers(chosen)] };
}

function fromStackFile(name: string, value: Value): Setting {
  const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value);
  return { name: name.toLowerCase(), value: text, reason: "set in the stack file" };
}

/** What is said twice, and not alike. */
function clashes(resources: Resources, overrides: Record<string, Value>, parts: readonly Setting[]): string[] {
  const found: string[] = [];
  const seen = new Map<string, string>();
  for (const [name, value] of Object.entries(overrides)) {
    const lower = name.toLowerCase();
    const twin = seen.get(lower);
    if (twin !== undefined) found.push(`${twin} and ${name} are one parameter to PostgreSQL; keep one`);
    seen.set(lower, name);

    const part = parts.find((candidate) => candidate.name.toLowerCase() === lower);
    if (part !== undefined && !sameValue(lower, part.value, value)) {
      found.push(`${name} = ${JSON.stringify(value)}, but pgwright needs ${part.value}: ${part.reason}`);
    }
    const { connections } = resources;
    if (lower === "max_connections" && connections !== undefined && !sameValue(lower, connections, value)) {
      found.push(`max_connections = ${JSON.stringify(value)}, but connections is ${connections}; keep connections`);
    }
  }
  return found;
}

function sameValue(name: string, one: Value, other: Value): boolean {
  // A value that cannot be read is reported by checkSetting already.
  if (checkValue(name, one) !== undefined || checkValue(name, other) !== undefined) return true;
  return canonicalValue(name, one) === canonicalValue(name, other);
}

function summarise(settings: Setting[], memory: number): Tuning {
  const { demand } = new Values(settings);
  return { settings, sharedMemory: sharedMemoryFor(demand, memory), budget: budgetOf(demand, memory), warnings: [] };
}

function overspent({ limit, total, items }: Budget): string[] {
  if (total <= limit) return [];
  const list = items.map(({ what, mebibytes }) => `${mebibytes} ${what}`).join("; ");
  return [
    `the settings can use ${total} MiB, and the container's limit is ${limit} MiB, at which the kernel kills: ${list}`,
  ];
}

function dangers(chosen: readonly Setting[]): string[] {
  const values = new Values(chosen);
  const found: string[] = [];
  if (values.text("fsync") === "off")
    found.push("fsync is off: after a crash of the machine the cluster may be beyond repair");
  if (values.text("full_page_writes") === "off")
    found.push("full_page_writes is off: a crash of the machine can tear pages");
  if (values.text("huge_pages") === "on") {
    found.push("huge_pages is on: the server does not start where the machine has too few of them; 'try' does");
  }
  for (const { name } of chosen) {
    const near = nearClasses(name);
    if (near.length > 0)
      found.push(`no library of the image has a parameter ${name}; did you mean one of ${near.join(" or ")}?`);
  }
  return found;
}

/** The settings that depend on the resources. */
function sized(resources: Resources): Setting[] {
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
    `for each of ${numbers.autovacuumWorkers} workers, 2GB at most`,
  );
  if (numbers.autovacuumWorkers > 3) set("autovacuum_max_workers", numbers.autovacuumWorkers, `${cpus} CPUs`);
  set("huge_pages", numbers.hugePages, "worth it from 2GB of shared_buffers; 'on' would not start without them");

  set("wal_buffers", size(numbers.walBuffers), "3% of shared_buffers, 16MB at most");
  set("min_wal_size", size(numbers.minWal), `usual for ${workload}`);
  set("max_wal_size", size(numbers.maxWal), `usual for ${workload}: checkpoints by time, not by WAL`);

  set("random_page_cost", numbers.randomPageCost, pageCostReason(resources));
  set("effective_io_concurrency", numbers.effectiveIoConcurrency, `usual for ${storage}`);
  if (numbers.statisticsTarget !== 100) {
    set("default_statistics_target", numbers.statisticsTarget, `${workload}: better plans are worth a longer ANALYZE`);
  }
  if (!numbers.jit) set("jit", "off", "compiling costs short queries more than it gains");

  const { parallelWorkers, cronJobs, workerProcesses } = numbers;
  const workers = `${parallelWorkers} for parallel queries, ${cronJobs} for cron jobs, ${OTHER_WORKERS} launchers and others`;
  set("max_worker_processes", workerProcesses, workerProcesses === 8 ? `the server's default; ${workers}` : workers);
  set("max_parallel_workers", parallelWorkers, `${cpus} CPUs, and a worker for 128 MiB at most`);
  set("max_parallel_workers_per_gather", numbers.parallelWorkersPerGather, "half of them for one query");
  set("max_parallel_maintenance_workers", numbers.parallelMaintenanceWorkers, parallelBuildReason(resources));
  set("cron.max_running_jobs", cronJobs, "each takes a worker process and the memory of a session");
  return settings;
}

function connectionsReason({ memory, workload, connections }: Resources, { limited }: Plan): string {
  if (connections !== undefined) return "connections in the stack file";
  if (!limited.connections) return `usual for ${workload}`;
  return `as many as ${memory} MiB are enough for; a pooler lets more clients share them`;
}

function workMemReason({ memory }: Resources, { connections, parallelWorkers, limited }: Plan): string {
  if (limited.workMem)
    return `what the budget of ${memory} MiB leaves for a sort and a hash in each of ${connections} connections`;
  return `PGTune's share for ${connections} connections and ${parallelWorkers} parallel workers, 4MB at least`;
}

function maintenanceReason({ memory, workload }: Resources): string {
  if (memory < 1024) return "a sixteenth of the memory";
  if (workload === "vector") return "an eighth of the memory, 32GB at most: an HNSW graph has to fit while it is built";
  return `${workload === "analytics" ? "an eighth" : "a sixteenth"} of the memory, 8GB at most`;
}

function pageCostReason({ storage, databaseSize, workload }: Resources): string {
  if (databaseSize === "smaller") return "the database fits in memory";
  if (storage === "hdd") return "a disk seeks";
  return workload === "analytics" ? "large scans should stay sequential" : `${storage} reads at random almost as fast`;
}

function parallelBuildReason({ workload }: Resources): string {
  if (workload === "vector") return "an HNSW build uses one process for each CPU, 8 at most";
  return "half of them for one index build, 4 at most";
}
