import { parseDrills, problemOf, type Evidence } from "../../backup/drill";
import { LEDGER_PATH } from "../../backup/paths";
import { CommandError, type Host } from "../host";
import type { Kind } from "../kind";

export interface RestoreDrillInputs {
  /** Name of the agent's container. */
  agent: string;
  /** Maximum age of the last drill, such as "7d"; unlimited if absent. */
  maxAge?: string;
  /** The last drill passed and is not older than maxAge. Declared: true. */
  proven: boolean;
}

async function readEvidence(host: Host, agent: string): Promise<Evidence[]> {
  const text = await host.docker(["exec", agent, "sh", "-c", `cat ${LEDGER_PATH}/drills.tsv 2>/dev/null || true`]);
  return parseDrills(text.toString());
}

/** Runs a drill now; throws with the checks that failed. */
async function runDrill(host: Host, agent: string): Promise<Evidence | undefined> {
  try {
    await host.docker(["exec", agent, "backup.sh", "drill"]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const failed = await host.docker(["exec", agent, "sh", "-c", `tail -n 1 ${LEDGER_PATH}/runs.tsv | cut -f6`]);
    throw new Error(`the restore drill failed: ${failed.toString().replaceAll("\\n", "; ").trim()}`);
  }
  return (await readEvidence(host, agent)).at(-1);
}

const describeEvidence = ({ drill: name, backup, recoveredTo, seconds }: Evidence) =>
  `${name} has passed: from ${backup}, recovered to ${recoveredTo}, in ${seconds} s`;

/** Checks of the first drill that failed on the server too, and so do not fail this drill. */
async function notYet(host: Host, agent: string, drilled: string): Promise<string[]> {
  const text = await host.docker(["exec", agent, "cat", `${LEDGER_PATH}/drill-checks.tsv`]);
  return text
    .toString()
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([drill, , , detail]) => drill === drilled && detail?.startsWith("not yet: "))
    .map(([, check, , detail]) => `${check}: ${detail}; it must hold from the next drill on`);
}

/** Evidence that the backups can be restored: the update runs the first drill, the agent's schedule the later ones. */
export const restoreDrill: Kind<RestoreDrillInputs, RestoreDrillInputs> = {
  replaceOn: ["agent"],
  async explain(old, { agent, maxAge }, { host, info }) {
    if (!old) return info("runs a restore drill with the newest backup");
    if (!(await host.inspect(agent))?.running) return;
    const problem = problemOf(await readEvidence(host, agent), maxAge, new Date());
    if (problem) throw new Error(`${problem}; run npm run drill, which tries again and reports the failed checks`);
  },
  async create(inputs, { host, preview, info, warn }) {
    if (!preview) {
      const done = await runDrill(host, inputs.agent);
      if (done) {
        info(describeEvidence(done));
        for (const check of await notYet(host, inputs.agent, done.drill)) warn(check);
      }
    }
    return { id: inputs.agent, state: inputs };
  },
  async read(_id, state, inputs, { host }) {
    if (!(await host.inspect(inputs.agent))?.running) return state;
    const problem = problemOf(await readEvidence(host, inputs.agent), inputs.maxAge, new Date());
    return { ...state, maxAge: inputs.maxAge, proven: problem === undefined };
  },
  update: async (_id, _old, inputs) => inputs,
  // The evidence is deleted with the agent's volume.
  delete: async () => undefined,
};
