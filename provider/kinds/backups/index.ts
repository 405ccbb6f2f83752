import { statusOf, NO_STANZA, NO_BACKUP } from "../../../backup/info";
import type { Kind } from "../../kind";
import { whyDown } from "../../readiness";
import { info, newBuckets, prepare, numbers } from "./execute";
import { type BackupsInputs, declaration } from "./inputs";

/** The stanza of the server in each repository, and a first backup. Deleting the resource keeps the backups; their volume holds them. */
export const backups: Kind<BackupsInputs, BackupsInputs> = {
  declaration,
  replaceOn: ["stanza"],
  notCompared: ["restored"],
  async explain(old, inputs, { host, preview, info: say, warn }) {
    if (!preview) return;
    if (old && (old.repositories < inputs.repositories || newBuckets(old, inputs).length > 0))
      return say("creates the stanza and a full backup in the new repository");
    if (!old) return say("creates the stanza and a first full backup in each repository");
    if (!old.ready && !(await whyDown(host)))
      warn("a repository has no backup of this server any more; the update takes a full backup");
  },
  async create(inputs, operation) {
    return { id: inputs.stanza, state: operation.preview ? inputs : await prepare(undefined, inputs, operation) };
  },
  async read(_id, state, _inputs, { host }) {
    const container = await host.inspect(state.agent);
    if (!container?.running || (await whyDown(host))) return state;
    const now = await info(host, state);
    const codes = numbers(state).map((repository) => statusOf(now, repository).code);
    return { ...state, ready: !codes.some((code) => [...NO_STANZA, NO_BACKUP].includes(code)) };
  },
  async update(_id, old, inputs, operation) {
    return operation.preview ? inputs : prepare(old, inputs, operation);
  },
  delete: async () => undefined,
};
