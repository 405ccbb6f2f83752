import { expect, it } from "vitest";
import { budgetOf, fits, largest, sharedMemoryFor, type Demand } from "../../../tuning/memory";

const MIB = 1024;
const demand: Demand = {
  sharedBuffers: 1024 * MIB,
  connections: 100,
  cronJobs: 10,
  parallelWorkers: 4,
  parallelWorkersPerGather: 2,
  autovacuumWorkers: 3,
  workMem: 4 * MIB,
  hashMemMultiplier: 2,
  maintenanceWorkMem: 64 * MIB,
  autovacuumWorkMem: 32 * MIB,
};

it("counts every use of memory, in MiB", () => {
  const { items, total } = budgetOf(demand, 4096);
  expect(items.map(({ mebibytes }) => mebibytes)).toEqual([
    1068, // 1024 * 1.025 + 12 + 110 sessions * 0.05, rounded up
    40,
    702, // 117 processes of 4 MiB, with page tables of 2 MiB
    1336, // (110 sessions * 3 + 4 parallel workers) * 4 MiB
    64,
    96,
    336, // a parallel index build of 80 MiB, and joins of a sixteenth of the memory
  ]);
  expect(total).toBe(3642);
  expect([fits(demand, 3642), fits({ ...demand, connections: 200 }, 4096)]).toEqual([true, false]);
});

it("gives /dev/shm the hash tables of all workers if these are larger, and at least an eighth of a small container", () => {
  expect(sharedMemoryFor({ ...demand, workMem: 64 * MIB }, 4096)).toBe(80 + 6 * 2 * 64);
  const alone = { ...demand, parallelWorkersPerGather: 0, maintenanceWorkMem: 16 * MIB };
  expect([sharedMemoryFor(alone, 512), sharedMemoryFor(alone, 4096)]).toEqual([64, 256]);
});

it("finds the largest number that holds, also at both ends", () => {
  expect([1, 5, 9, 10, 99].map((most) => largest(1, 10, (value) => value <= most))).toEqual([1, 5, 9, 10, 10]);
  expect(largest(1, 10, () => false)).toBeUndefined();
});
