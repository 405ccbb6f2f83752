import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Log, elapsed } from "./run";

/** Who holds a lock. `born` tells a process from a later one with the same pid, where the system shows it. */
export interface Holder {
  pid: number;
  host: string;
  born: string;
}

/** A holder on another machine cannot be asked; it touches its lock, and is taken for dead after this silence. */
const silenceMs = 120_000;
const heartbeatMs = 10_000;

/** Whether the lock of `holder` is left over. `touched` is when the lock file was last written. */
export function isStale(holder: Holder | undefined, touched: number, now = Date.now()): boolean {
  // A lock without content is being written, or its writer was killed in between.
  if (!holder) return now - touched > 5_000;
  if (holder.host !== hostname()) return now - touched > silenceMs;
  return !isAlive(holder.pid) || holder.born !== bornOf(holder.pid);
}

/** Runs `work` while no other process runs something under the same lock file; waits for its turn. */
export async function withLock<T>(file: string, log: Log, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  await acquire(file, log);
  const heartbeat = setInterval(() => touch(file), heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    // Only our own: after a long sleep of the machine somebody may have taken it over.
    if (isOurs(read(file)?.holder)) rmSync(file, { force: true });
  }
}

async function acquire(file: string, log: Log): Promise<void> {
  const started = Date.now();
  let told = 0;
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
    if (found?.holder && Date.now() - told > 20_000) {
      const { pid, host } = found.holder;
      const where = host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
      log(`waiting for ${where}, which does the same (${elapsed(started)}; lock ${file})`);
      told = Date.now();
    }
    await sleep(200);
  }
}

/**
 * Removes a stale lock. Two may find it at once, and the slower one must not remove the lock that the faster one has
 * taken since: it is moved away first, looked at again, and put back if it is a live one.
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
      // Somebody else holds it by now; both work, into files of their own.
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
    // Gone: the end of the work notices.
  }
}

/** This process, as it signs a lock. */
export function ourselves(): Holder {
  return { pid: process.pid, host: hostname(), born: bornOf(process.pid) };
}

function isOurs(holder: Holder | undefined): boolean {
  return holder?.pid === process.pid && holder.host === hostname();
}

/** Does a process of this machine run? One that is dead but not reaped does not. */
export const isRunning = (pid: number): boolean => isAlive(pid) && bornOf(pid) !== "gone";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The start time of a process in ticks (Linux), empty elsewhere. One that is dead but not reaped counts as gone. */
function bornOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold blanks; behind it come the state and, 19 fields on, the start time.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "gone" : (fields[19] ?? "");
  } catch {
    return "";
  }
}
