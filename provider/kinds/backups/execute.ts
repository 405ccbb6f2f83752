import { bucketProblem } from "../../../backup/bucket-problem";
import { type StanzaInfo, parseInfo, INFO, newestBackup } from "../../../backup/info";
import { CONFIG_PATH } from "../../../backup/paths";
import { type Host, CommandError } from "../../host";
import type { Operation } from "../../kind";
import type { BackupsInputs } from "./inputs";

/** Runs pgBackRest in the agent's container. */
async function pgbackrest(host: Host, { agent, stanza }: BackupsInputs, ...args: string[]): Promise<string> {
  const command = ["pgbackrest", `--config=${CONFIG_PATH}/pgbackrest.conf`, `--stanza=${stanza}`, ...args];
  return (await host.docker(["exec", agent, ...command])).toString();
}

export async function info(host: Host, inputs: BackupsInputs): Promise<StanzaInfo | undefined> {
  return parseInfo(await pgbackrest(host, inputs, ...INFO), inputs.stanza);
}

export const numbers = ({ repositories }: BackupsInputs) => Array.from({ length: repositories }, (_, i) => i + 1);

/** Numbers of the repositories in buckets that are new for the server. */
export function newBuckets(old: BackupsInputs | undefined, { buckets = {} }: BackupsInputs): string[] {
  const before = Object.values(old?.buckets ?? {});
  return Object.keys(buckets).filter((number) => !before.includes(buckets[number] as string));
}

export async function prepare(
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
