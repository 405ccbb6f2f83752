import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseError } from "pg";

/** lock_timeout of a statement: sessions that queue behind it wait no longer. */
export const LOCK_TIMEOUT = "1s";
/** lock_timeout of CONCURRENTLY: it waits for all older transactions, but blocks no other session meanwhile. */
export const CONCURRENT_LOCK_TIMEOUT = "10min";
/** Tries for a lock, with growing pauses: about a minute and a half in total. */
const LOCK_TRIES = 10;
const RETRIED = ["55P03", "40P01"]; // lock_not_available, deadlock_detected

/** True if an error means that another session holds a lock. */
export const isLocked = (error: unknown) => RETRIED.includes((error as DatabaseError).code ?? "");

/** Runs `act`, and again after a lock timeout or a deadlock. `what`: the subject of the message. */
export async function tryForLock<T>(what: string, info: (text: string) => void, act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!isLocked(error) || tries === LOCK_TRIES) throw error;
      info(`${what} waits for a lock that another session holds (try ${tries} of ${LOCK_TRIES})`);
      await sleep(Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()));
    }
  }
}
