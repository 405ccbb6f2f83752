import { bucketProblem } from "../../../backup/bucket-problem";
import { INFO, newestBackup, NO_BACKUP, NO_STANZA, parseInfo, statusOf, type StanzaInfo } from "../../../backup/info";
import { CONFIG_PATH } from "../../../backup/paths";
import { CommandError, type Host } from "../../host";
import type { Kind, Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { declaration, type BackupsInputs } from "./inputs";

/** Runs pgBackRest in the agent's container. */
async function pgbackrest(host: Host, { agent, stanza }: BackupsInputs, ...args: string[]): Promise<string> {
  const command = ["pgbackrest", `--config=${CONFIG_PATH}/pgbackrest.conf`, `--stanza=${stanza}`, ...args];
  return (await host.docker(["exec", agent, ...command])).toString();
}

async function info(host: Host, inputs: BackupsInputs): Promise<StanzaInfo | undefined> {
  return parseInfo(await pgbackrest(host, inputs, ...INFO), inputs.stanza);
}

const numbers = ({ repositories }: BackupsInputs) => Array.from({ length: repositories }, (_, i) => i + 1);

/** Numbers of the repositories in buckets that are new for the server. */
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
    throw explainError(error, inputs);
  }
  await pgbackrest(host, inputs, "--io-timeout=10", "check");
  const now = await info(host, inputs);
  const isOtherCluster = old ? old.generation !== inputs.generation : inputs.restored;
  // A bucket that is new for the server lacks WAL, even if it holds backups.
  const isNew = (repository: number) => newBuckets(old, inputs).includes(String(repository));
  const without = numbers(inputs).filter(
    (repository) => isOtherCluster || isNew(repository) || !newestBackup(now, repository),
  );
  for (const repository of without) {
    say(
      `taking ${isOtherCluster ? "a full backup of the restored cluster" : "a full backup"} in repository ${repository}`,
    );
    await host.docker(["exec", inputs.agent, "backup.sh", "full", String(repository)]);
  }
  return { ...inputs, ready: true };
}

/** An error that says what to do, where pgBackRest's message does not. */
function explainError(error: unknown, { stanza }: BackupsInputs): unknown {
  if (!(error instanceof CommandError)) return error;
  if (/do not match the database|system-id/.test(error.output)) {
    return new Error(
      `the repository holds backups of another server under the name ${stanza}; restore from them (restoreFrom), choose another ` +
        `backup.name, or use another repository: ${error.output.trim()}`,
    );
  }
  const problem = bucketProblem(error.output);
  if (problem) return new Error(`a repository in a bucket cannot be used: ${problem}`);
  if (/permission denied|unable to (create|open|write)/i.test(error.output)) {
    return new Error(`user 999 of the containers cannot write to the repository: ${error.output.trim()}`);
  }
  return error;
}

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
