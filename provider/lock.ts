import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseError } from "pg";

/** How long a statement may wait for a lock before it gives way to those that queue behind it. */
export const LOCK_TIMEOUT = "1s";
/** What is built concurrently waits for all older transactions, and holds up nobody meanwhile. */
export const CONCURRENT_LOCK_TIMEOUT = "10min";
/** Tries for a lock, with growing pauses: about a minute and a half in all. */
const LOCK_TRIES = 10;
const RETRIED = ["55P03", "40P01"]; // lock_not_available, deadlock_detected

/** Whether something failed only since somebody else holds a lock. */
export const isLocked = (error: unknown) => RETRIED.includes((error as DatabaseError).code ?? "");

/** Does what may wait for a lock, and tries again when it had to give way. `what`: who waits. */
export async function tryForLock<T>(what: string, info: (text: string) => void, act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!isLocked(error) || tries === LOCK_TRIES) throw error;
      info(`${what} waits for a lock that somebody else holds (try ${tries} of ${LOCK_TRIES})`);
      await sleep(Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()));
    }
  }
}
