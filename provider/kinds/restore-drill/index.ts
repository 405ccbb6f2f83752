import { problemOf } from "../../../backup/drill";
import { parseDrills, parseRuns, type Drill } from "../../../backup/ledgers";
import { LEDGER_PATH } from "../../../backup/paths";
import { CommandError, type Host } from "../../host";
import type { Kind } from "../../kind";
import { declaration, type RestoreDrillInputs } from "./inputs";

const inAgent = async (host: Host, agent: string, script: string) =>
  (await host.docker(["exec", "--workdir", LEDGER_PATH, agent, "sh", "-c", script])).toString();

/** Printed instead of a ledger that the next agent has yet to convert. */
const FORMER_LEDGER = "former";

/** The recorded drills, oldest first; undefined if the agent is of an earlier version: the next one converts its ledgers. */
async function readDrills(host: Host, agent: string): Promise<Drill[] | undefined> {
  const text = await inAgent(
    host,
    agent,
    `if [ -s drills.tsv ]; then printf ${FORMER_LEDGER}; elif [ -e drills.jsonl ]; then cat drills.jsonl; fi`,
  );
  return text === FORMER_LEDGER ? undefined : parseDrills(text);
}

/** Runs a drill now; throws with the checks that failed. */
async function runDrill(host: Host, agent: string): Promise<Drill | undefined> {
  try {
    await host.docker(["exec", agent, "backup.sh", "drill"]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { message } = parseRuns(await inAgent(host, agent, "cat runs.jsonl 2>/dev/null || true")).at(-1) ?? {};
    throw new Error(`the restore drill failed: ${message?.trim().replaceAll("\n", "; ")}`);
  }
  return (await readDrills(host, agent))?.at(-1);
}

/** Why the recorded drills do not suffice; undefined if they do. */
async function readProblem(host: Host, { agent, maxAge }: RestoreDrillInputs): Promise<string | undefined> {
  const drills = await readDrills(host, agent);
  return drills && problemOf(drills, maxAge, new Date());
}

const describeEvidence = ({ drill: name, backup, recovered_to, seconds }: Drill) =>
  `${name} has passed: from ${backup}, recovered to ${recovered_to}, in ${seconds} s`;

/** Checks of the first drill that failed on the server too, and so do not fail this drill. */
const notYet = ({ checks }: Drill) =>
  checks
    .filter(({ detail }) => detail?.startsWith("not yet: "))
    .map(({ what, detail }) => `${what}: ${detail}; it must hold from the next drill on`);

/** Evidence that the backups can be restored: the update runs the first drill, the agent's schedule the later ones. */
export const restoreDrill: Kind<RestoreDrillInputs, RestoreDrillInputs> = {
  declaration,
  replaceOn: ["agent"],
  async explain(old, inputs, { host, info }) {
    if (!old) return info("runs a restore drill with the newest backup");
    if (!(await host.inspect(inputs.agent))?.running) return;
    const problem = await readProblem(host, inputs);
    if (problem) throw new Error(`${problem}; run npm run drill, which tries again and reports the failed checks`);
  },
  async create(inputs, { host, preview, info, warn }) {
    if (!preview) {
      const done = await runDrill(host, inputs.agent);
      if (done) {
        info(describeEvidence(done));
        for (const check of notYet(done)) warn(check);
      }
    }
    return { id: inputs.agent, state: inputs };
  },
  async read(_id, state, inputs, { host }) {
    if (!(await host.inspect(inputs.agent))?.running) return state;
    return { ...state, maxAge: inputs.maxAge, proven: (await readProblem(host, inputs)) === undefined };
  },
  update: async (_id, _old, inputs) => inputs,
  // The evidence is deleted with the agent's volume.
  delete: async () => undefined,
};
