import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something holds, looking every `every` milliseconds; throws if it does not within `seconds`. */
export async function eventually(
  what: string,
  holds: () => Promise<boolean> | boolean,
  { seconds = 90, every = 1000 } = {},
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(every);
  }
}
