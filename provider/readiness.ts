import { setTimeout as sleep } from "node:timers/promises";
import { connect, Unreachable } from "./connection";
import { DISK_FULL, isDiskFull, type Host } from "./host";

/** Longest time to wait for the server: recovery after a crash takes as long as the WAL since the last checkpoint. */
const READY_WITHIN_MS = 180_000;
/** A server that has ended so often while it was waited for will not come up by itself. */
const ENDS_TOO_OFTEN = 3;
/** How long an answer holds for the next who asks, so that many resources cost one look. */
const ANSWER_HOLDS_MS = 1000;

/** The server does not run, and waiting would not help. The message says how it ended and what it printed. */
export class ServerDown extends Error {}

/** Waits until the server takes connections; throws ServerDown when it will not. */
export async function untilReady(host: Host): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let restartsBefore: number | undefined;
  for (;;) {
    const container = await host.inspect();
    if (!container) throw new ServerDown(`container ${host.container} is gone; 'pulumi up' makes it again`);
    try {
      return await (await connect(host, "postgres")).end();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      restartsBefore ??= container.restarts;
      const failed =
        ["created", "exited", "dead"].includes(container.status) ||
        container.restarts - restartsBefore >= ENDS_TOO_OFTEN;
      if (failed || Date.now() > deadline) {
        const why = failed
          ? `ended with ${container.exitCode}`
          : `did not answer within ${READY_WITHIN_MS / 1000} s (${error.message})`;
        const printed = await host.logs();
        const advice = isDiskFull(printed) ? ` ${DISK_FULL}` : "";
        throw new ServerDown(`PostgreSQL in container ${host.container} ${why}.${advice} It printed:\n${printed}`);
      }
      await sleep(200);
    }
  }
}

const answers = new WeakMap<Host, { at: number; answer: Promise<ServerDown | undefined> }>();

/** Undefined once the server takes connections; the reason if it is down. Waits for one that is starting. */
export async function whyDown(host: Host): Promise<ServerDown | undefined> {
  const last = answers.get(host);
  if (last && Date.now() - last.at < ANSWER_HOLDS_MS) return last.answer;
  const answer = untilReady(host).then(
    () => undefined,
    (error: Error) => {
      if (error instanceof ServerDown) return error;
      throw error;
    },
  );
  const entry = { at: Date.now(), answer };
  answers.set(host, entry);
  // The time counts from the answer: looking may have taken long.
  void answer.finally(() => (entry.at = Date.now())).catch(() => undefined);
  return answer;
}
