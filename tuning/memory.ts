/**
 * What a server may use of its container's memory limit, as a sum that a person can follow.
 *
 * The model is deliberately pessimistic: every session, every cron job and every parallel worker works at the same time, each
 * at one sort and one hash, while autovacuum, one private and one parallel index build run, and /dev/shm is full.
 * The limit is enforced by the kernel, which kills; so the sum, not an average, has to stay inside it.
 *
 * Not in it, because no setting bounds it: queries with several big sorts or hashes in one process, temp_buffers of
 * sessions that use temporary tables, and logical decoding. The page cache is not in it either: the kernel takes it back.
 */

const MIB = 1024;

/**
 * Multiples of work_mem that one session may use: a sort and a hash, which takes hash_mem_multiplier times work_mem. With
 * the multiplier at its default of 2 that is the 3 by which PGTune divides.
 */
const sessionShare = (demand: Demand): number => 1 + demand.hashMemMultiplier;

/** A backend that has filled its catalogue caches: 1.3 to 3.2 MiB were measured with PostgreSQL 17; 4 leaves some room. */
const PROCESS = 4 * MIB;
/**
 * A process maps what it touches of shared_buffers with 8 bytes for 4 kB, as huge pages are rarely there in a container:
 * all of them in the end, or 32 GiB where there are more (a host of that size should reserve huge pages).
 */
const pageTables = (sharedBuffers: number): number => Math.min(sharedBuffers, 32 * 1024 * MIB) / 512;
/** Postmaster, checkpointer, writers, launchers (10 MiB measured), pgBackRest's archive-push and the health check. */
const SERVER_PROCESSES = 40 * MIB;
/** `postgres -C shared_memory_size` with 128 MB to 64 GB and 20 to 300 connections, from above. */
const BUFFER_OVERHEAD = 1.025;
const SHARED_FIXED = 12 * MIB;
const SHARED_PER_SESSION = 0.05 * MIB;
/** pgvector's README asks for /dev/shm of at least maintenance_work_mem for a parallel HNSW build; a quarter is for the rest. */
const PARALLEL_BUILD_SHARE = 1.25;

/** The settings that take memory. Memory in kB. */
export interface Demand {
  sharedBuffers: number;
  connections: number;
  cronJobs: number;
  parallelWorkers: number;
  parallelWorkersPerGather: number;
  autovacuumWorkers: number;
  workMem: number;
  /** No memory, a factor. */
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
 * The size of /dev/shm in MiB: the graph of a parallel HNSW build (all of maintenance_work_mem) and beside it the hash tables
 * of as many parallel joins as there are workers for; not less than a sixteenth of the memory for those, because a join that
 * gets no workers still takes their share. Docker's 64 MiB are too little for either. Where even this is full, a query
 * ends with "could not resize shared memory segment", which is better than the kernel ending the server: what lies there
 * counts inside the container's limit. A small container therefore gets an eighth instead of 256 MiB at least.
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

/** Adds up what `demand` can use in a container of `limit` MiB with a /dev/shm of that size. */
export function budgetOf(demand: Demand, limit: number): Budget {
  const { connections, cronJobs, parallelWorkers, autovacuumWorkers } = demand;
  const sessions = connections + cronJobs;
  const processes = sessions + parallelWorkers + autovacuumWorkers;
  const perProcess = PROCESS + pageTables(demand.sharedBuffers);
  // A parallel worker's hash lies in /dev/shm, which is counted below; without parallel queries it only sorts for an index.
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

/** The largest whole number from `low` to `high` for which `holds`, which must not hold again above one where it does not. */
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
