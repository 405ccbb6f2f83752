import { bucketProblem } from "../../backup/bucket-problem";
import { INFO, newestBackup, NO_BACKUP, NO_STANZA, parseInfo, statusOf, type StanzaInfo } from "../../backup/info";
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
  /** Where those in buckets are, by number. */
  buckets?: Record<string, string>;
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
  return parseInfo(await pgbackrest(host, inputs, ...INFO), inputs.stanza);
}

const numbers = ({ repositories }: BackupsInputs) => Array.from({ length: repositories }, (_, i) => i + 1);

/** Numbers of the repositories in buckets that the server did not have before. */
function newBuckets(old: BackupsInputs | undefined, { buckets = {} }: BackupsInputs): string[] {
  const before = Object.values(old?.buckets ?? {});
  return Object.keys(buckets).filter((number) => !before.includes(buckets[number] as string));
}

async function prepare(
  old: BackupsInputs | undefined,
  inputs: BackupsInputs,
  { host, info: say }: Operation,
): Promise<BackupsInputs> {
  try {
    await pgbackrest(host, inputs, "--io-timeout=10", "stanza-create");
  } catch (error) {
    throw explained(error, inputs);
  }
  await pgbackrest(host, inputs, "--io-timeout=10", "check");
  const now = await info(host, inputs);
  const another = old ? old.generation !== inputs.generation : inputs.restored;
  // A bucket that the server did not have before has missed WAL, whatever backups it holds.
  const isNew = (repository: number) => newBuckets(old, inputs).includes(String(repository));
  const without = numbers(inputs).filter(
    (repository) => another || isNew(repository) || !newestBackup(now, repository),
  );
  for (const repository of without) {
    say(`making ${another ? "a full backup of the restored cluster" : "a full backup"} in repository ${repository}`);
    await host.docker(["exec", inputs.agent, "backup.sh", "full", String(repository)]);
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
  const problem = bucketProblem(error.output);
  if (problem) return new Error(`a repository in a bucket cannot be used: ${problem}`);
  if (/permission denied|unable to (create|open|write)/i.test(error.output)) {
    return new Error(`user 999 of the containers cannot write to the repository: ${error.output.trim()}`);
  }
  return error;
}

/** The server's place in the repositories, and a first backup of it. Backups stay when it is deleted: they go with the volume. */
export const backups: Kind<BackupsInputs, BackupsInputs> = {
  replaceOn: ["stanza"],
  notCompared: ["restored"],
  async explain(old, inputs, { host, preview, info: say, warn }) {
    if (!preview) return;
    if (old && (old.repositories < inputs.repositories || newBuckets(old, inputs).length > 0))
      return say("the new repository gets a place for this server and a full backup");
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
