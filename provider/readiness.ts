import { setTimeout as sleep } from "node:timers/promises";
import { connect, Unreachable } from "./connection";
import { DISK_FULL, isDiskFull, type Host } from "./host";

/** Longest time to wait for the server: recovery after a crash takes as long as the WAL since the last checkpoint. */
const READY_WITHIN_MS = 180_000;
/** Restarts during the wait after which the server is considered down. */
const ENDS_TOO_OFTEN = 3;
/**
 * The engine doubles its pause before a restart each time the container exits within 10 s of its start, and begins again at 0.1 s after
 * a longer run. A container in a longer pause than this exits again and again.
 */
const LONG_PAUSE_MS = 1000;
/** How long an answer is reused, so that many resources cost one check. */
const ANSWER_HOLDS_MS = 1000;

/** The server does not run, and waiting does not help. The message has its exit code and its last output. */
export class ServerDown extends Error {}

/** Waits until the server accepts connections; throws ServerDown if it exits or does not answer in time. */
export async function untilReady(host: Host): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let restartsBefore: number | undefined;
  let pausedSince: number | undefined;
  for (;;) {
    const container = await host.inspect();
    if (!container) throw new ServerDown(`container ${host.container} does not exist; 'pulumi up' recreates it`);
    try {
      return await (await connect(host, "postgres")).end();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      restartsBefore ??= container.restarts;
      pausedSince = container.status === "restarting" ? (pausedSince ?? Date.now()) : undefined;
      const failed =
        ["created", "exited", "dead"].includes(container.status) ||
        container.restarts - restartsBefore >= ENDS_TOO_OFTEN ||
        (pausedSince !== undefined && Date.now() - pausedSince > LONG_PAUSE_MS);
      if (failed || Date.now() > deadline) {
        const why = failed
          ? `exited with ${container.exitCode}`
          : `did not answer within ${READY_WITHIN_MS / 1000} s (${error.message})`;
        const printed = await host.logs();
        const advice = isDiskFull(printed) ? `; ${DISK_FULL}` : "";
        throw new ServerDown(`PostgreSQL in container ${host.container} ${why}${advice}; its last output:\n${printed}`);
      }
      await sleep(200);
    }
  }
}

const answers = new WeakMap<Host, { at: number; answer: Promise<ServerDown | undefined> }>();

/** Undefined once the server accepts connections, the reason if it is down. Waits for a server that starts up. */
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
  // The time counts from the answer, since the check may have taken long.
  void answer.finally(() => (entry.at = Date.now())).catch(() => undefined);
  return answer;
}
