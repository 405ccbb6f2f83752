/**
 * The numbers behind the settings. The base are the rules of PGTune (le0pard/pgtune at 7caef27c, configurationSlice.js,
 * for PostgreSQL 17 on Linux); where a number differs, a comment says why. Memory in kB, rounded down, as there.
 */
import { budgetOf, fits, largest, type Demand } from "./memory";

export type Storage = "hdd" | "ssd" | "san" | "nvme";
export type Workload = "oltp" | "web" | "analytics" | "mixed" | "vector";

export interface Resources {
  /** The container's memory limit, MiB; at least 512. */
  memory: number;
  /** The container's CPU limit; parts of a CPU count as none beside whole ones. */
  cpus: number;
  storage: Storage;
  workload: Workload;
  /** max_connections; without it, as many as the workload usually has and the memory allows. */
  connections?: number;
  /** The databases together, compared with the memory; "similar" if absent. */
  databaseSize?: "smaller" | "similar" | "larger";
}

/** What a workload changes. `analytics` is PGTune's "dw"; PGTune has no "vector". */
interface Profile {
  connections: number;
  /** Work_mem is divided by it: analytical queries sort and hash in more places at once. */
  workMemDivisor: number;
  /** The part of the memory that maintenance_work_mem gets is one of this many. */
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
  // An HNSW graph that outgrows maintenance_work_mem is built many times slower (a million vectors of 1,536 dimensions need
  // 8 GB), and an index goes to the WAL whole when it is built.
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

/** PGTune never goes below PostgreSQL's own default. Connections that the stack file asks for may bring it down to 1MB. */
const USUAL_WORK_MEM = 4 * MB;
const LEAST_WORK_MEM = 1 * MB;
/** So many clients should get in, behind a pooler at least, before work_mem is considered. */
const USUAL_LEAST_CONNECTIONS = 20;
const LEAST_CONNECTIONS = 10;
/** Below this PostgreSQL runs, but hardly with extensions, backups and a dozen clients beside each other. */
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
  /** Is work_mem less than PGTune's, for want of memory? And max_connections less than usual for the workload? */
  limited: { workMem: boolean; connections: boolean };
}

/** As each maps all of shared_buffers, their page tables alone take a sixteenth of the memory then. */
const MOST_PARALLEL_WORKERS = 128;

/**
 * Background workers beside parallel ones and cron jobs: the launchers of pg_cron and of logical replication, and two of
 * whatever else registers one (pg_partman's, a subscription's).
 */
export const OTHER_WORKERS = 4;

/** Calculates the plan, or throws with what would fit. */
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
    // PGTune gives parallel queries all of them, and cron jobs then wait for a worker until they fail.
    workerProcesses: Math.max(8, base.parallelWorkers + base.cronJobs + OTHER_WORKERS),
    parallelMaintenanceWorkers: parallelMaintenanceWorkers(workload, base.parallelWorkers),
    limited: { workMem: workMem < pgtune, connections: wanted === undefined && connections < profile.connections },
  };
}

/** What depends on neither connections nor work_mem. */
function basicDemand({ memory, cpus, workload }: Resources): Omit<Demand, "connections" | "workMem"> {
  const profile = profiles[workload];
  const kilobytes = memory * MB;
  // A worker for 128 MiB at most: 32 CPUs in a small container would otherwise need more memory than all connections.
  const parallelWorkers = Math.min(wholeCpus(cpus), Math.floor(memory / 128), MOST_PARALLEL_WORKERS);
  return {
    sharedBuffers: Math.floor(kilobytes / 4),
    // pg_cron's own default with background workers is 5; a small container gets fewer, as each is a session.
    cronJobs: Math.min(5, Math.floor(memory / 256)),
    parallelWorkers,
    // PGTune's half of the workers, below four CPUs too (where it leaves the server's 2), but one always stays for others.
    parallelWorkersPerGather: Math.min(
      Math.ceil(parallelWorkers / 2),
      parallelWorkers - 1,
      workload === "analytics" ? MOST_PARALLEL_WORKERS : 4,
    ),
    autovacuumWorkers: cpus >= 32 ? 5 : cpus >= 16 ? 4 : 3,
    hashMemMultiplier: 2,
    // Below 1GB a sixteenth is enough: it counts in a process and in /dev/shm, and a dozen clients have to get in beside it.
    maintenanceWorkMem: Math.min(
      Math.floor(kilobytes / (memory < 1024 ? 16 : profile.maintenanceDivisor)),
      profile.maintenanceMost,
    ),
    // PGTune: 2GB where maintenance_work_mem reaches that, otherwise all of maintenance_work_mem, for each worker at once.
    // PostgreSQL 17 keeps dead row ids in a radix tree that is up to 20 times smaller (its release notes), so less will do.
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
  // A WAL segment is 16MB, and nothing is gained above it.
  return share > 14 * MB ? 16 * MB : share;
}

function randomPageCost({ storage, databaseSize, workload }: Resources): number {
  if (databaseSize === "smaller") return 1.1;
  return storage === "hdd" || workload === "analytics" ? 4 : 1.1;
}

function parallelMaintenanceWorkers(workload: Workload, parallelWorkers: number): number {
  // HNSW builds scale with processes, and the session that builds is one; pgvector's README suggests 7 beside it.
  if (workload === "vector") return Math.min(parallelWorkers - 1, 7);
  return Math.min(Math.ceil(parallelWorkers / 2), parallelWorkers - 1, 4);
}

/** PGTune's number for the workload, or as many as fit with work_mem at 4MB; if those are very few, with less. */
function deriveConnections(usual: number, fit: (connections: number, workMem: number) => boolean): number {
  const most = largest(LEAST_CONNECTIONS, usual, (n) => fit(n, USUAL_WORK_MEM)) ?? 0;
  if (most === usual) return usual;
  if (most >= USUAL_LEAST_CONNECTIONS) return most - (most % 5);
  const few = largest(LEAST_CONNECTIONS, USUAL_LEAST_CONNECTIONS, (n) => fit(n, LEAST_WORK_MEM));
  return Math.max(most, few ?? LEAST_CONNECTIONS);
}

/** The error for more connections than the memory is for, with both figures and two ways out. */
function tooMany(resources: Resources, at: (connections: number, workMem: number) => Demand): string {
  const { memory, connections = 0 } = resources;
  const needed = budgetOf(at(connections, LEAST_WORK_MEM), memory).total;
  const possible = largest(1, connections, (n) => fits(at(n, LEAST_WORK_MEM), memory)) ?? 0;
  const enough = largest(0, 64 * 1024, (step) => !fitsWith(resources, connections, memory + step * 64));
  const ways = [
    possible >= LEAST_CONNECTIONS
      ? `ask for at most ${possible} connections, behind a pooler if there are more clients`
      : "",
    enough === undefined ? "" : `give the container at least ${memory + (enough + 1) * 64} MiB`,
  ].filter((way) => way !== "");
  return (
    `${connections} connections do not fit in ${memory} MiB of memory: even with work_mem at 1MB the server could use ` +
    `${needed} MiB; ${ways.join(", or ")}`
  );
}

function fitsWith(resources: Resources, connections: number, memory: number): boolean {
  return fits({ ...basicDemand({ ...resources, memory }), connections, workMem: LEAST_WORK_MEM }, memory);
}

function checkResources({ memory, cpus, connections }: Resources): void {
  if (!Number.isInteger(memory) || memory < LEAST_MEMORY) {
    throw new Error(`memory: ${memory} MiB; it takes a whole number of MiB, ${LEAST_MEMORY} at least`);
  }
  if (!(cpus > 0 && Number.isFinite(cpus))) throw new Error(`cpus: ${cpus}; it takes a number above 0`);
  if (connections !== undefined && (!Number.isInteger(connections) || connections < 5)) {
    // Three are reserved for superusers, and what is left must do for monitoring and one client at least.
    throw new Error(`connections: ${connections}; it takes a whole number, 5 at least`);
  }
}
