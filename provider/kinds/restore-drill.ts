import { parseDrills, problemOf, type Evidence } from "../../backup/drill";
import { LEDGER_PATH } from "../../backup/paths";
import { CommandError, type Host } from "../host";
import type { Kind } from "../kind";

export interface RestoreDrillInputs {
  /** Name of the agent's container. */
  agent: string;
  /** Oldest evidence that a preview takes, such as "7d"; any if absent. */
  maxAge?: string;
  /** Always true: the last drill has passed, and is not older. */
  proven: boolean;
}

async function evidence(host: Host, agent: string): Promise<Evidence[]> {
  const text = await host.docker(["exec", agent, "sh", "-c", `cat ${LEDGER_PATH}/drills.tsv 2>/dev/null || true`]);
  return parseDrills(text.toString());
}

/** Runs a drill now; throws with the checks that did not hold. */
async function drill(host: Host, agent: string): Promise<Evidence | undefined> {
  try {
    await host.docker(["exec", agent, "backup.sh", "drill"]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const failed = await host.docker(["exec", agent, "sh", "-c", `tail -n 1 ${LEDGER_PATH}/runs.tsv | cut -f6`]);
    throw new Error(`the restore drill has failed: ${failed.toString().replaceAll("\\n", "; ").trim()}`);
  }
  return (await evidence(host, agent)).at(-1);
}

const describeEvidence = ({ drill: name, backup, recoveredTo, seconds }: Evidence) =>
  `${name} has passed: from ${backup}, recovered to ${recoveredTo}, in ${seconds} s`;

/** Checks that the first drill found not to hold yet, on the server neither. */
async function notYet(host: Host, agent: string, drilled: string): Promise<string[]> {
  const text = await host.docker(["exec", agent, "cat", `${LEDGER_PATH}/drill-checks.tsv`]);
  return text
    .toString()
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([drill, , , detail]) => drill === drilled && detail?.startsWith("not yet: "))
    .map(([, check, , detail]) => `${check}: ${detail}; from the next drill on it has to hold`);
}

/** The proof that backups restore: the first drill is run when it is declared, later ones by the agent's clock. */
export const restoreDrill: Kind<RestoreDrillInputs, RestoreDrillInputs> = {
  replaceOn: ["agent"],
  async explain(old, { agent, maxAge }, { host, info }) {
    if (!old) return info("the newest backup is restored, to see that it can be");
    if (!(await host.inspect(agent))?.running) return;
    const problem = problemOf(await evidence(host, agent), maxAge, new Date());
    if (problem) throw new Error(`${problem}: npm run drill tries again, and says what is wrong`);
  },
  async create(inputs, { host, preview, info, warn }) {
    if (!preview) {
      const done = await drill(host, inputs.agent);
      if (done) {
        info(describeEvidence(done));
        for (const check of await notYet(host, inputs.agent, done.drill)) warn(check);
      }
    }
    return { id: inputs.agent, state: inputs };
  },
  async read(_id, state, inputs, { host }) {
    if (!(await host.inspect(inputs.agent))?.running) return state;
    const problem = problemOf(await evidence(host, inputs.agent), inputs.maxAge, new Date());
    return { ...state, maxAge: inputs.maxAge, proven: problem === undefined };
  },
  update: async (_id, _old, inputs) => inputs,
  // The evidence goes with the agent's volume.
  delete: async () => undefined,
};
