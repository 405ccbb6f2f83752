import { newestBackup, NO_BACKUP, NO_STANZA, parseInfo, statusOf, type StanzaInfo } from "../../backup/info";
import { CONFIG_PATH } from "../../backup/paths";
import { CommandError, type Host } from "../host";
import type { Kind, Operation } from "../kind";
import { whyDown } from "../readiness";

export interface BackupsInputs {
  /** Name of the agent's container. */
  agent: string;
  /** Name of the server in the repositories. */
  stanza: string;
  /** How many repositories there are. */
  repositories: number;
  /** Which of its clusters the server has: another one gets a full backup at once. */
  generation: number;
  /** That cluster is from a backup. */
  restored: boolean;
  /** Always true: every repository knows the server and has a backup of it. */
  ready: boolean;
}

/** Runs pgBackRest in the agent's container. */
async function pgbackrest(host: Host, { agent, stanza }: BackupsInputs, ...args: string[]): Promise<string> {
  const command = ["pgbackrest", `--config=${CONFIG_PATH}/pgbackrest.conf`, `--stanza=${stanza}`, ...args];
  return (await host.docker(["exec", agent, ...command])).toString();
}

async function info(host: Host, inputs: BackupsInputs): Promise<StanzaInfo | undefined> {
  return parseInfo(await pgbackrest(host, inputs, "--output=json", "info"), inputs.stanza);
}

const numbers = ({ repositories }: BackupsInputs) => Array.from({ length: repositories }, (_, i) => i + 1);

async function prepare(
  old: BackupsInputs | undefined,
  inputs: BackupsInputs,
  { host, info: say }: Operation,
): Promise<BackupsInputs> {
  try {
    await pgbackrest(host, inputs, "stanza-create");
  } catch (error) {
    throw explained(error, inputs);
  }
  await pgbackrest(host, inputs, "check");
  const now = await info(host, inputs);
  const another = old ? old.generation !== inputs.generation : inputs.restored;
  if (another || numbers(inputs).some((repository) => !newestBackup(now, repository))) {
    say(another ? "making a full backup of the restored cluster" : "making the first full backup");
    await host.docker(["exec", inputs.agent, "backup.sh", "full"]);
  }
  return { ...inputs, ready: true };
}

/** In words of what to do, where pgBackRest's own do not say it. */
function explained(error: unknown, { stanza }: BackupsInputs): unknown {
  if (!(error instanceof CommandError)) return error;
  if (/do not match the database|system-id/.test(error.output)) {
    return new Error(
      `the repository holds backups of another server under the name ${stanza}: restore from them (restoreFrom), give this ` +
        `server another name (backup.name), or use another repository. ${error.output.trim()}`,
    );
  }
  if (/permission denied|unable to (create|open|write)/i.test(error.output)) {
    return new Error(`user 999 of the containers cannot write to the repository: ${error.output.trim()}`);
  }
  return error;
}

/** The server's place in the repositories, and a first backup of it. Backups stay when it is deleted: they go with the volume. */
export const backups: Kind<BackupsInputs, BackupsInputs> = {
  replaceOn: ["stanza"],
  notCompared: ["restored"],
  async explain(old, _inputs, { host, preview, info: say, warn }) {
    if (!preview) return;
    if (!old) return say("the repositories get a place for this server and a first full backup");
    if (!old.ready && !(await whyDown(host))) warn("a repository has lost its backups: a full one will be made");
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
