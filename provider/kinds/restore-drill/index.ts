import type { Kind } from "../../kind";
import { readProblem } from "./ledger";
import { runDrill } from "./execute";
import { describeEvidence, notYet } from "./report";
import { type RestoreDrillInputs, declaration } from "./inputs";

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
