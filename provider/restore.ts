import { createHash } from "node:crypto";
import { describeProblem } from "../backup/bucket-problem";
import { INFO, isWhole, parseInfo, unreadable, type StanzaInfo } from "../backup/info";
import {
  hasBuckets,
  isInBucket,
  onlyRepositories,
  renderPgbackrestConf,
  repositoryNumbers,
  type Options,
} from "../backup/options";
import { CLUSTER_PATH, CONFIG_PATH, DATA_PATH, SPOOL_PATH } from "../backup/paths";
import { parseOutcome, type RestoreOutcome } from "../backup/restore-outcome";
import { chooseBackups, restoreArguments, type Target } from "../backup/target";
import { CommandError, POSTGRES, type Host } from "./host";
import { folderMount } from "./host-folder";

/** Repositories, and the stanza of a server in them. */
export interface Repositories {
  stanza: string;
  /** Volumes or folders of the host, by the folder where containers expect them. */
  mounts: Record<string, string>;
  /** Options of pgbackrest.conf without the secret ones. */
  options: Options;
  /** CAs of the endpoints of buckets, as files of the configuration. */
  certificates?: Record<string, string>;
}

/** Keeps the repositories whose number `keep` accepts. */
export function selectRepositories(
  { options, mounts, ...rest }: Repositories,
  keep: (number: number) => boolean,
): Repositories {
  const kept = onlyRepositories(options, keep);
  const paths = Object.values(kept);
  return {
    ...rest,
    options: kept,
    mounts: Object.fromEntries(Object.entries(mounts).filter(([path]) => paths.includes(path))),
  };
}

/** What happens to restored data before a server uses it. */
export interface Handling {
  /** SQL to run, and its database. */
  run: { database: string; sql: string; role?: string }[];
  /** Queries that must return true. Without a role, SQL and queries run as the owner of the database. */
  checks: { database: string; query: string; role?: string }[];
  /** Deactivates all cron jobs, since the data is a copy. */
  cronOff: boolean;
}

/**
 * Runs a command in a container with the repositories, and with `files` in /restore; returns its output. The container is removed
 * at the end in any case.
 */
export async function runWithRepositories(
  host: Host,
  name: string,
  image: string,
  { mounts, options: repositories, certificates = {} }: Repositories,
  files: Record<string, string>,
  command: string[],
  options: string[],
  /** Container whose network it shares; if absent, it has a network only for repositories in buckets. */
  beside?: string,
): Promise<string> {
  await host.docker(["rm", "--force", "--volumes", name]); // of a run that was killed
  const volumes = Object.entries(mounts).flatMap(([path, source]) =>
    source.startsWith("/") ? folderMount(source, path, true) : ["--volume", `${source}:${path}:ro`],
  );
  const outside = hasBuckets(repositories) ? "bridge" : "none";
  const network = beside === undefined ? outside : `container:${beside}`;
  const fixed = ["--name", name, "--network", network, "--label", "pgwright.helper=restore", "--cap-drop", "ALL"];
  await host.docker(["create", ...fixed, ...volumes, ...options, image, ...command]);
  try {
    const owner = { uid: POSTGRES, gid: POSTGRES };
    await host.copyInto(name, "/", [
      { name: "restore", mode: 0o700, ...owner },
      ...Object.entries(files).map(([file, content]) => ({ name: `restore/${file}`, content, mode: 0o600, ...owner })),
      ...Object.entries(certificates).map(([file, content]) => ({
        name: `${CONFIG_PATH.slice(1)}/${file}`,
        content,
        mode: 0o644,
        ...owner,
      })),
    ]);
    return (await host.docker(["start", "--attach", name])).toString();
  } finally {
    await host.docker(["rm", "--force", "--volumes", name]).catch(() => undefined);
  }
}

const CONF = "pgbackrest.conf";

async function queryInfo(
  host: Host,
  image: string,
  repositories: Repositories,
  secrets: Options,
  what: string,
): Promise<StanzaInfo | undefined> {
  const { stanza, options } = repositories;
  const id = createHash("sha256").update(JSON.stringify(repositories)).digest("hex").slice(0, 6);
  const files = { [CONF]: renderPgbackrestConf(stanza, { ...options, ...secrets }) };
  const command = ["pgbackrest", `--config=/restore/${CONF}`, `--stanza=${stanza}`, ...INFO];
  const name = `${host.container}-${what}-${id}`;
  return parseInfo(await runWithRepositories(host, name, image, repositories, files, command, []), stanza);
}

/** What the repositories hold of the server; undefined if nothing. Read-only, so previews call it too. */
export async function readInfo(
  host: Host,
  image: string,
  repositories: Repositories,
  secrets: Options,
): Promise<StanzaInfo | undefined> {
  const info = await queryInfo(host, image, repositories, secrets, "info");
  const [problem, ...others] = unreadable(info);
  // One readable repository is enough.
  if (problem && others.length + 1 === info?.repo?.length)
    throw new Error(describeProblem(problem, repositories.options));
  return info;
}

/** Throws, with what to do, if a bucket cannot be read. Read-only, so previews call it too. */
export async function mustAnswer(
  host: Host,
  image: string,
  repositories: Repositories,
  secrets: Options,
): Promise<void> {
  const { options } = repositories;
  if (!hasBuckets(options)) return;
  const inBucket = (number: number) => isInBucket(options, number);
  const info = await queryInfo(
    host,
    image,
    selectRepositories(repositories, inBucket),
    onlyRepositories(secrets, inBucket),
    "look",
  );
  const problems = unreadable(info).map((problem) => describeProblem(problem, options));
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/** The readable repositories, and the problems of the others: a command with an unreachable repository waits for its timeout. */
export async function selectReadable(
  host: Host,
  image: string,
  repositories: Repositories,
  secrets: Options,
): Promise<{ repositories: Repositories; secrets: Options; problems: string[] }> {
  const { options } = repositories;
  if (repositoryNumbers(options).length === 1) return { repositories, secrets, problems: [] };
  const problems = unreadable(await readInfo(host, image, repositories, secrets));
  const isReadable = (number: number) => problems.every(({ key }) => key !== number);
  return {
    repositories: selectRepositories(repositories, isReadable),
    secrets: onlyRepositories(secrets, isReadable),
    problems: problems.map((problem) => describeProblem(problem, options)),
  };
}

/**
 * Fills an empty volume with the cluster of a backup, recovered to the target. Throws, with the last output,
 * if the target is not reached, a file is damaged or missing, or a check fails.
 */
export async function restore(
  host: Host,
  image: string,
  volume: string,
  repositories: Repositories,
  secrets: Options,
  target: Target,
  handling: Handling,
): Promise<RestoreOutcome> {
  const { stanza, options } = repositories;
  const unfinished = { "pg1-path": `${CLUSTER_PATH}.unfinished`, "spool-path": SPOOL_PATH };
  const files = {
    [CONF]: renderPgbackrestConf(stanza, { ...options, ...unfinished, ...secrets }),
    ...filesOf(handling),
  };
  const attempt = async (backup = target.backup): Promise<RestoreOutcome> => {
    const command = ["restore.sh", stanza, ...restoreArguments({ ...target, backup })];
    const name = `${host.container}-restore`;
    return parseOutcome(await runWithRepositories(host, name, image, repositories, files, command, intoVolume(volume)));
  };
  const backupExists = async ({ backup }: RestoreOutcome) =>
    backup === undefined || isWhole(await readInfo(host, image, repositories, secrets), backup);
  if (target.backup !== undefined) return attempt();
  if (target.name === undefined) return retryExpired(attempt, backupExists, target);
  // Only the WAL shows where a restore point is. If it is before the newest backup, an older backup is tried.
  const found = chooseBackups(await readInfo(host, image, repositories, secrets), stanza, target);
  const labels = [...new Set(found.map(({ label }) => label))];
  for (const label of labels) {
    try {
      return await attempt(label);
    } catch (error) {
      const targetMissing = /recovery ended before configured recovery target/.test((error as Error).message);
      if (!targetMissing || label === labels.at(-1)) throw error;
    }
  }
  throw new Error(`the repository has no backup of ${stanza}`);
}

/** Tries of a restore whose backup expires meanwhile, since the backed-up server still runs. */
const TRIES = 3;

/**
 * If the backup or its WAL expires during a restore, the attempt fails, or succeeds with less WAL than the archive has. Then the
 * restore is tried again with the newest backup.
 */
async function retryExpired(
  attempt: () => Promise<RestoreOutcome>,
  backupExists: (outcome: RestoreOutcome) => Promise<boolean>,
  { time, lsn }: Target,
): Promise<RestoreOutcome> {
  for (let tries = 1; ; tries += 1) {
    try {
      const outcome = await attempt();
      if (time !== undefined || lsn !== undefined || (await backupExists(outcome))) return outcome;
      if (tries === TRIES)
        throw new Error("the server expired each backup while it was restored; run the restore again");
    } catch (error) {
      if (!(error instanceof CommandError) || tries === TRIES || (await backupExists(parseOutcome(error.printed))))
        throw error;
    }
  }
}

export const intoVolume = (volume: string) => ["--volume", `${volume}:${DATA_PATH}`, "--shm-size", "256m"];

/** The handling as a file in /restore, where restore.sh reads it. */
export const filesOf = (handling: Handling): Record<string, string> => ({ "handling.json": JSON.stringify(handling) });
