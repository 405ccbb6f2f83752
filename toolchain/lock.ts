import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Log, elapsed } from "./run";

/** The holder of a lock. `born` distinguishes a process from a later one with the same pid; empty where the system does not show it. */
export interface Holder {
  pid: number;
  host: string;
  born: string;
}

/** A holder on another machine cannot be checked: it touches its lock, and counts as dead if the lock is older than this. */
const silenceMs = 120_000;
const heartbeatMs = 10_000;

/** Whether the holder of a lock has ended. `touched`: when the lock file was last written, in milliseconds. */
export function isStale(holder: Holder | undefined, touched: number, now = Date.now()): boolean {
  // A lock without content is being written, or its writer was killed.
  if (!holder) return now - touched > 5_000;
  if (holder.host !== hostname()) return now - touched > silenceMs;
  return !isAlive(holder.pid) || holder.born !== bornOf(holder.pid);
}

/** Runs `work` under an exclusive lock; waits while another process holds the lock. */
export async function withLock<T>(file: string, log: Log, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  await acquire(file, log);
  const heartbeat = setInterval(() => touch(file), heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    // After a long suspension of the machine, another process may have taken the lock over.
    if (isOurs(read(file)?.holder)) rmSync(file, { force: true });
  }
}

async function acquire(file: string, log: Log): Promise<void> {
  const started = Date.now();
  let loggedAt = 0;
  for (;;) {
    try {
      writeFileSync(file, JSON.stringify(ourselves()), { flag: "wx" });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const found = read(file);
    if (found && isStale(found.holder, found.touched)) {
      discard(file);
      continue;
    }
    if (found?.holder && Date.now() - loggedAt > 20_000) {
      const { pid, host } = found.holder;
      const other = host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
      log(`waiting for ${other}, which holds the lock ${file} (${elapsed(started)})`);
      loggedAt = Date.now();
    }
    await sleep(200);
  }
}

/**
 * Removes a stale lock. If two processes find it at once, the slower one must not remove the new lock of the faster one: the file
 * is renamed first, checked again, and restored if its holder is alive.
 */
function discard(file: string): void {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const found = read(aside);
  if (found && !isStale(found.holder, found.touched)) {
    try {
      linkSync(aside, file);
    } catch {
      // A third process holds the lock now. Both work, but into files of their own.
    }
  }
  rmSync(aside, { force: true });
}

function read(file: string): { holder: Holder | undefined; touched: number } | undefined {
  try {
    const touched = statSync(file).mtimeMs;
    try {
      return { holder: JSON.parse(readFileSync(file, "utf8")) as Holder, touched };
    } catch {
      return { holder: undefined, touched };
    }
  } catch {
    return undefined;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The lock was removed: withLock checks that at its end.
  }
}

/** The holder entry of this process. */
export function ourselves(): Holder {
  return { pid: process.pid, host: hostname(), born: bornOf(process.pid) };
}

function isOurs(holder: Holder | undefined): boolean {
  return holder?.pid === process.pid && holder.host === hostname();
}

/** Whether a process of this machine runs. A zombie does not. */
export const isRunning = (pid: number): boolean => isAlive(pid) && bornOf(pid) !== "gone";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The start time of a process in ticks on Linux, otherwise empty; "gone" for a zombie. */
function bornOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may contain blanks. The state follows it, and 19 fields later the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "gone" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
