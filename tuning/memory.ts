/**
 * The memory that a server can use of its container's limit, as a sum of items.
 *
 * The model is pessimistic: every session, every cron job and every parallel worker runs one sort and one hash at the same time,
 * while autovacuum, one private and one parallel index build run, and /dev/shm is full. The kernel kills processes at the limit, so
 * the sum must stay within it, not an average.
 *
 * Not included, because no setting bounds it: queries with several big sorts or hashes in one process, temp_buffers of
 * sessions that use temporary tables, and logical decoding. The page cache is not included either, as the kernel can reclaim it.
 */

const MIB = 1024;

/**
 * Multiples of work_mem that one session can use: a sort, and a hash of hash_mem_multiplier times work_mem. With the default
 * multiplier of 2 this is the 3 by which PGTune divides.
 */
const sessionShare = (demand: Demand): number => 1 + demand.hashMemMultiplier;

/** A backend with full catalogue caches: 1.3 to 3.2 MiB measured with PostgreSQL 17, rounded up. */
const PROCESS = 4 * MIB;
/**
 * Page tables of a process: 8 bytes for each 4 kB of shared_buffers that it touches, as huge pages are rare in a container. A process
 * touches all of them over time; above 32 GiB only these count, as a host of that size should reserve huge pages.
 */
const pageTables = (sharedBuffers: number): number => Math.min(sharedBuffers, 32 * 1024 * MIB) / 512;
/** Postmaster, checkpointer, writers, launchers (10 MiB measured), pgBackRest's archive-push and the health check. */
const SERVER_PROCESSES = 40 * MIB;
/** Upper bound of `postgres -C shared_memory_size`, measured with 128 MB to 64 GB and 20 to 300 connections. */
const BUFFER_OVERHEAD = 1.025;
const SHARED_FIXED = 12 * MIB;
const SHARED_PER_SESSION = 0.05 * MIB;
/** pgvector's README: a parallel HNSW build needs /dev/shm of at least maintenance_work_mem; the additional quarter is for the rest. */
const PARALLEL_BUILD_SHARE = 1.25;

/** The settings that determine memory use. Memory in kB. */
export interface Demand {
  sharedBuffers: number;
  connections: number;
  cronJobs: number;
  parallelWorkers: number;
  parallelWorkersPerGather: number;
  autovacuumWorkers: number;
  workMem: number;
  /** A factor, not in kB. */
  hashMemMultiplier: number;
  maintenanceWorkMem: number;
  autovacuumWorkMem: number;
}

export interface BudgetItem {
  what: string;
  /** Rounded up. */
  mebibytes: number;
}

export interface Budget {
  /** The container's limit, MiB. */
  limit: number;
  /** The sum of the items, MiB. */
  total: number;
  items: BudgetItem[];
}

/**
 * The size of /dev/shm in MiB: the graph of a parallel HNSW build (all of maintenance_work_mem), and the hash tables of as many
 * parallel joins as there are workers for. The joins get at least a sixteenth of the memory, because a join that gets no workers
 * still allocates their share. Docker's 64 MiB are too small for either. If /dev/shm is full, a query fails with "could not resize
 * shared memory segment". As its content counts within the container's limit, a larger one would let the kernel kill the server; a
 * small container therefore gets at least an eighth of its memory instead of 256 MiB.
 */
export function sharedMemoryFor(demand: Demand, limit: number): number {
  const {
    parallelWorkers,
    parallelWorkersPerGather: perGather,
    workMem,
    hashMemMultiplier,
    maintenanceWorkMem,
  } = demand;
  const leaders = perGather > 0 ? Math.ceil(parallelWorkers / perGather) : 0;
  const hashes = (parallelWorkers + leaders) * hashMemMultiplier * workMem;
  const joins = leaders === 0 ? 0 : Math.max(hashes, Math.min((limit * MIB) / 16, 4096 * MIB));
  const least = Math.min(256, Math.floor(limit / 8));
  return Math.max(least, Math.ceil((PARALLEL_BUILD_SHARE * maintenanceWorkMem + joins) / MIB));
}

/** The memory that `demand` can use in a container of `limit` MiB, with the /dev/shm of sharedMemoryFor. */
export function budgetOf(demand: Demand, limit: number): Budget {
  const { connections, cronJobs, parallelWorkers, autovacuumWorkers } = demand;
  const sessions = connections + cronJobs;
  const processes = sessions + parallelWorkers + autovacuumWorkers;
  const perProcess = PROCESS + pageTables(demand.sharedBuffers);
  // A parallel worker's hash is in /dev/shm, which is a separate item; without parallel queries a worker only sorts for an index.
  const workerShare = demand.parallelWorkersPerGather > 0 ? 1 : 0;
  const item = (what: string, kilobytes: number): BudgetItem => ({ what, mebibytes: Math.ceil(kilobytes / MIB) });
  const items = [
    item(
      "shared_buffers and other shared structures",
      demand.sharedBuffers * BUFFER_OVERHEAD + SHARED_FIXED + sessions * SHARED_PER_SESSION,
    ),
    item("server processes, WAL archiving, health check", SERVER_PROCESSES),
    item(
      `${processes} processes (${connections} connections, ${cronJobs} cron jobs, ${parallelWorkers} parallel workers, ` +
        `${autovacuumWorkers} autovacuum workers)`,
      processes * perProcess,
    ),
    item(
      `work_mem, ${sessionShare(demand)} times for a session`,
      (sessions * sessionShare(demand) + parallelWorkers * workerShare) * demand.workMem,
    ),
    item("maintenance_work_mem of one index build", demand.maintenanceWorkMem),
    item(`autovacuum_work_mem, ${autovacuumWorkers} times`, autovacuumWorkers * demand.autovacuumWorkMem),
    item("/dev/shm: a parallel index build and parallel joins", sharedMemoryFor(demand, limit) * MIB),
  ];
  return { limit, total: items.reduce((sum, { mebibytes }) => sum + mebibytes, 0), items };
}

export const fits = (demand: Demand, limit: number): boolean => budgetOf(demand, limit).total <= limit;

/** The largest integer from `low` to `high` for which `holds` is true. `holds` must be monotonic: true up to a number, false above it. */
export function largest(low: number, high: number, holds: (value: number) => boolean): number | undefined {
  if (!holds(low)) return undefined;
  let [held, failed] = [low, high + 1];
  while (failed - held > 1) {
    const middle = Math.floor((held + failed) / 2);
    if (holds(middle)) held = middle;
    else failed = middle;
  }
  return held;
}
