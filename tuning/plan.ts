/**
 * The numbers of the settings, based on the rules of PGTune (le0pard/pgtune at 7caef27c, configurationSlice.js, for PostgreSQL 17 on
 * Linux). Comments give the reason for each different number. Memory in kB, rounded down, as in PGTune.
 */
import { budgetOf, fits, largest, type Demand } from "./memory";

export type Storage = "hdd" | "ssd" | "san" | "nvme";
export type Workload = "oltp" | "web" | "analytics" | "mixed" | "vector";

export interface Resources {
  /** The container's memory limit, MiB; at least 512. */
  memory: number;
  /** The container's CPU limit, rounded down to whole CPUs but at least 1. */
  cpus: number;
  storage: Storage;
  workload: Workload;
  /** max_connections; if absent, the usual number for the workload, limited by the memory. */
  connections?: number;
  /** Size of all databases compared with the memory; "similar" if absent. */
  databaseSize?: "smaller" | "similar" | "larger";
}

/** The numbers that depend on the workload. `analytics` is PGTune's "dw"; PGTune has no "vector". */
interface Profile {
  connections: number;
  /** Divisor of work_mem, as analytical queries run more sorts and hashes at once. */
  workMemDivisor: number;
  /** maintenance_work_mem is the memory divided by this number. */
  maintenanceDivisor: number;
  maintenanceMost: number;
  minWal: number;
  maxWal: number;
  statisticsTarget: number;
  jit: boolean;
}

const MB = 1024;
const GB = 1024 * MB;

const web: Profile = {
  connections: 200,
  workMemDivisor: 1,
  maintenanceDivisor: 16,
  maintenanceMost: 8 * GB,
  minWal: GB,
  maxWal: 4 * GB,
  statisticsTarget: 100,
  jit: false,
};

export const profiles: Record<Workload, Profile> = {
  web,
  oltp: { ...web, connections: 300, minWal: 2 * GB, maxWal: 8 * GB },
  mixed: { ...web, connections: 100, workMemDivisor: 2 },
  analytics: {
    ...web,
    connections: 40,
    workMemDivisor: 2,
    maintenanceDivisor: 8,
    minWal: 4 * GB,
    maxWal: 16 * GB,
    statisticsTarget: 500,
    jit: true,
  },
  // The build of an HNSW graph that exceeds maintenance_work_mem is many times slower (a million vectors of 1,536 dimensions need
  // 8 GB), and the build writes the whole index to the WAL.
  vector: {
    ...web,
    connections: 100,
    workMemDivisor: 2,
    maintenanceDivisor: 8,
    maintenanceMost: 32 * GB,
    minWal: 4 * GB,
    maxWal: 16 * GB,
  },
};

/** PGTune's minimum is PostgreSQL's default. A declared number of connections can lower work_mem to 1MB. */
const USUAL_WORK_MEM = 4 * MB;
const LEAST_WORK_MEM = 1 * MB;
/** Below this number of connections work_mem is lowered instead. */
const USUAL_LEAST_CONNECTIONS = 20;
const LEAST_CONNECTIONS = 10;
/** With less memory, extensions, backups and a dozen clients hardly fit together. */
const LEAST_MEMORY = 512;

export interface Plan extends Demand {
  effectiveCacheSize: number;
  walBuffers: number;
  minWal: number;
  maxWal: number;
  randomPageCost: number;
  effectiveIoConcurrency: number;
  statisticsTarget: number;
  hugePages: "try" | "off";
  jit: boolean;
  workerProcesses: number;
  parallelMaintenanceWorkers: number;
  /** True if the memory lowers work_mem below PGTune's, or max_connections below the usual number of the workload. */
  limited: { workMem: boolean; connections: boolean };
}

/** Each maps all of shared_buffers, so that the page tables of this many need a sixteenth of the memory. */
const MOST_PARALLEL_WORKERS = 128;

/**
 * Background workers in addition to parallel workers and cron jobs: the launchers of pg_cron and of logical replication, and two for
 * other uses, such as pg_partman or a subscription.
 */
export const OTHER_WORKERS = 4;

/** Calculates the plan. Throws an error with what would fit if the connections do not fit in the memory. */
export function plan(resources: Resources): Plan {
  checkResources(resources);
  const { memory, workload, connections: wanted } = resources;
  const profile = profiles[workload];
  const base = basicDemand(resources);
  const at = (connections: number, workMem: number): Demand => ({ ...base, connections, workMem });

  if (wanted !== undefined && !fits(at(wanted, LEAST_WORK_MEM), memory)) throw new Error(tooMany(resources, at));
  const connections = wanted ?? deriveConnections(profile.connections, (n, workMem) => fits(at(n, workMem), memory));
  const pgtune = pgtuneWorkMem(resources, connections);
  const workMem = largest(LEAST_WORK_MEM, pgtune, (value) => fits(at(connections, value), memory)) ?? LEAST_WORK_MEM;

  return {
    ...at(connections, workMem),
    effectiveCacheSize: Math.floor((memory * MB * 3) / 4),
    walBuffers: walBuffers(base.sharedBuffers),
    minWal: profile.minWal,
    maxWal: profile.maxWal,
    randomPageCost: randomPageCost(resources),
    effectiveIoConcurrency: { hdd: 2, ssd: 200, san: 300, nvme: 1000 }[resources.storage],
    statisticsTarget: profile.statisticsTarget,
    hugePages: base.sharedBuffers >= 2 * GB ? "try" : "off",
    jit: profile.jit,
    // PGTune reserves none for cron jobs, which would then wait for a worker until they fail.
    workerProcesses: Math.max(8, base.parallelWorkers + base.cronJobs + OTHER_WORKERS),
    parallelMaintenanceWorkers: parallelMaintenanceWorkers(workload, base.parallelWorkers),
    limited: { workMem: workMem < pgtune, connections: wanted === undefined && connections < profile.connections },
  };
}

/** The part of the demand that depends on neither connections nor work_mem. */
function basicDemand({ memory, cpus, workload }: Resources): Omit<Demand, "connections" | "workMem"> {
  const profile = profiles[workload];
  const kilobytes = memory * MB;
  // At most one worker for each 128 MiB: the workers of 32 CPUs in a small container would need more memory than all connections.
  const parallelWorkers = Math.min(wholeCpus(cpus), Math.floor(memory / 128), MOST_PARALLEL_WORKERS);
  return {
    sharedBuffers: Math.floor(kilobytes / 4),
    // pg_cron's default with background workers is 5; a small container gets fewer, as each is a session.
    cronJobs: Math.min(5, Math.floor(memory / 256)),
    parallelWorkers,
    // PGTune's half of the workers, also below four CPUs, where PGTune keeps the server's 2; one worker is always left for other queries.
    parallelWorkersPerGather: Math.min(
      Math.ceil(parallelWorkers / 2),
      parallelWorkers - 1,
      workload === "analytics" ? MOST_PARALLEL_WORKERS : 4,
    ),
    autovacuumWorkers: cpus >= 32 ? 5 : cpus >= 16 ? 4 : 3,
    hashMemMultiplier: 2,
    // Below 1GB a sixteenth must do: it counts both in a process and in /dev/shm, and a dozen clients must fit in addition.
    maintenanceWorkMem: Math.min(
      Math.floor(kilobytes / (memory < 1024 ? 16 : profile.maintenanceDivisor)),
      profile.maintenanceMost,
    ),
    // PGTune: 2GB where maintenance_work_mem reaches that, otherwise all of maintenance_work_mem, for each worker at once.
    // PostgreSQL 17 keeps dead row ids in a radix tree that is up to 20 times smaller (its release notes), so less is enough.
    autovacuumWorkMem: Math.min(2 * GB, Math.max(16 * MB, Math.floor(kilobytes / 64))),
  };
}

const wholeCpus = (cpus: number): number => Math.max(1, Math.floor(cpus));

/** PGTune's work_mem for so many connections, before the budget. */
export function pgtuneWorkMem({ memory, cpus, workload, databaseSize }: Resources, connections: number): number {
  const whole = wholeCpus(cpus);
  const workers = whole >= 4 ? whole : 8;
  const free = memory * MB - Math.floor((memory * MB) / 4);
  const share = Math.floor(free / ((connections + workers) * 3) / profiles[workload].workMemDivisor);
  const factor = databaseSize === "smaller" ? 1.3 : databaseSize === "larger" ? 0.9 : 1;
  return Math.max(USUAL_WORK_MEM, Math.floor(share * factor));
}

function walBuffers(sharedBuffers: number): number {
  const share = Math.floor((3 * sharedBuffers) / 100);
  // More than a WAL segment of 16MB gains nothing.
  return share > 14 * MB ? 16 * MB : share;
}

function randomPageCost({ storage, databaseSize, workload }: Resources): number {
  if (databaseSize === "smaller") return 1.1;
  return storage === "hdd" || workload === "analytics" ? 4 : 1.1;
}

function parallelMaintenanceWorkers(workload: Workload, parallelWorkers: number): number {
  // HNSW builds scale with processes; pgvector's README suggests 7 workers in addition to the session.
  if (workload === "vector") return Math.min(parallelWorkers - 1, 7);
  return Math.min(Math.ceil(parallelWorkers / 2), parallelWorkers - 1, 4);
}

/** PGTune's number for the workload, or as many as fit with work_mem at 4MB; with less work_mem if these are below 20. */
function deriveConnections(usual: number, fit: (connections: number, workMem: number) => boolean): number {
  const most = largest(LEAST_CONNECTIONS, usual, (n) => fit(n, USUAL_WORK_MEM)) ?? 0;
  if (most === usual) return usual;
  if (most >= USUAL_LEAST_CONNECTIONS) return most - (most % 5);
  const few = largest(LEAST_CONNECTIONS, USUAL_LEAST_CONNECTIONS, (n) => fit(n, LEAST_WORK_MEM));
  return Math.max(most, few ?? LEAST_CONNECTIONS);
}

/** The error for more connections than fit in the memory, with two remedies. */
function tooMany(resources: Resources, at: (connections: number, workMem: number) => Demand): string {
  const { memory, connections = 0 } = resources;
  const needed = budgetOf(at(connections, LEAST_WORK_MEM), memory).total;
  const possible = largest(1, connections, (n) => fits(at(n, LEAST_WORK_MEM), memory)) ?? 0;
  const enough = largest(0, 64 * 1024, (step) => !fitsWith(resources, connections, memory + step * 64));
  const remedies = [
    possible >= LEAST_CONNECTIONS
      ? `declare at most ${possible} connections, with a pooler if there are more clients`
      : "",
    enough === undefined ? "" : `give the container at least ${memory + (enough + 1) * 64} MiB`,
  ].filter((remedy) => remedy !== "");
  return (
    `${connections} connections do not fit in ${memory} MiB of memory: even with work_mem at 1MB the server could use ` +
    `${needed} MiB; ${remedies.join(", or ")}`
  );
}

function fitsWith(resources: Resources, connections: number, memory: number): boolean {
  return fits({ ...basicDemand({ ...resources, memory }), connections, workMem: LEAST_WORK_MEM }, memory);
}

function checkResources({ memory, cpus, connections }: Resources): void {
  if (!Number.isInteger(memory) || memory < LEAST_MEMORY) {
    throw new Error(`memory: ${memory} MiB; must be a whole number of MiB, at least ${LEAST_MEMORY}`);
  }
  if (!(cpus > 0 && Number.isFinite(cpus))) throw new Error(`cpus: ${cpus}; must be a number above 0`);
  if (connections !== undefined && (!Number.isInteger(connections) || connections < 5)) {
    // Three are reserved for superusers; monitoring and one client need two more.
    throw new Error(`connections: ${connections}; must be a whole number, at least 5`);
  }
}
