import type { BackupConfig, RepositoryConfig } from "../config/backup";
import { endpointOf, type S3Config, type S3Keys } from "../config/s3";
import { certificatePath, CLUSTER_PATH, repositoryPath, SOCKET_PATH, SPOOL_PATH } from "./paths";

export type Options = Record<string, string>;

const present = (options: Record<string, string | number | undefined>): Options =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );

const prefixed = (number: number, options: Options): Options =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [`repo${number}-${name}`, value]));

/** Location and encryption of a repository: the options that a restore needs. */
export function repositoryOptions(number: number, encrypted: boolean, s3?: S3Config): Options {
  const location = s3 ? bucketOptions(number, s3) : { path: repositoryPath(number) };
  return prefixed(number, present({ ...location, "cipher-type": encrypted ? "aes-256-cbc" : undefined }));
}

function bucketOptions(number: number, s3: S3Config): Record<string, string | undefined> {
  const { bucket, region, folder = "", pathStyle, certificate } = s3;
  return {
    type: "s3",
    path: `/${folder}`,
    "s3-bucket": bucket,
    "s3-endpoint": endpointOf(s3),
    "s3-region": region,
    "s3-uri-style": pathStyle ? "path" : "host",
    "storage-ca-file": certificate === undefined ? undefined : certificatePath(number),
  };
}

function retentionOptions({ retention }: RepositoryConfig, number: number): Options {
  const { full, days, differential, wal } = retention;
  const options = present({
    // Small files are bundled, and of large files only the changed blocks are copied: increments stay small.
    bundle: "y",
    block: "y",
    "retention-full": full ?? days ?? 2,
    "retention-full-type": days === undefined ? "count" : "time",
    "retention-diff": differential,
    "retention-archive": wal,
    "retention-archive-type": wal === undefined ? undefined : "full",
  });
  return prefixed(number, options);
}

/** pgBackRest's options for a server, without the passphrase; names as in pgbackrest.conf. */
export function backupOptions(config: BackupConfig): Options {
  const { repositories, compression, processes, mostWaiting, encrypted } = config;
  return {
    ...Object.assign(
      {},
      ...repositories.flatMap((repository, i) => [
        repositoryOptions(i + 1, encrypted, repository.s3),
        retentionOptions(repository, i + 1),
      ]),
    ),
    "pg1-path": CLUSTER_PATH,
    "pg1-socket-path": SOCKET_PATH,
    "spool-path": SPOOL_PATH,
    "archive-async": "y",
    "archive-push-queue-max": mostWaiting,
    "compress-type": compression,
    "process-max": String(processes),
    // Requests a checkpoint instead of waiting for the next scheduled one.
    "start-fast": "y",
    "log-level-console": "warn",
    // Errors go to the container's log; a log file that cannot be written would stop archiving.
    "log-level-file": "off",
  };
}

/** The options for the passphrase of the repositories. */
export function passphraseOptions(repositories: number, passphrase: string): Options {
  return Object.fromEntries(Array.from({ length: repositories }, (_, i) => [`repo${i + 1}-cipher-pass`, passphrase]));
}

/** The options for the keys of the buckets. */
export function keyOptions(repositories: { s3?: S3Config }[], keys: S3Keys): Options {
  const of = repositories.map(({ s3 }, i) => {
    const found = s3 && keys[s3.bucket];
    return found ? prefixed(i + 1, { "s3-key": found.key, "s3-key-secret": found.secret }) : {};
  });
  return Object.assign({}, ...of) as Options;
}

const numberOf = (option: string): number | undefined => {
  const [, number] = /^repo(\d+)-/.exec(option) ?? [];
  return number === undefined ? undefined : Number(number);
};

/** The options without those of the repositories that `keep` rejects. */
export function onlyRepositories(options: Options, keep: (number: number) => boolean): Options {
  const entries = Object.entries(options).filter(([option]) => {
    const number = numberOf(option);
    return number === undefined || keep(number);
  });
  return Object.fromEntries(entries);
}

/** Numbers of the repositories. */
export function repositoryNumbers(options: Options): number[] {
  return [...new Set(Object.keys(options).flatMap((option) => numberOf(option) ?? []))].sort((a, b) => a - b);
}

/** Whether a repository is in a bucket, and therefore reached over the network. */
export const isInBucket = (options: Options, number: number): boolean => options[`repo${number}-type`] === "s3";
export const hasBuckets = (options: Options): boolean =>
  repositoryNumbers(options).some((number) => isInBucket(options, number));

/** Formats pgbackrest.conf. Throws for a value with a line break, since its second line would be another option. */
export function renderPgbackrestConf(stanza: string, options: Options): string {
  const broken = Object.entries({ stanza, ...options }).find(([, value]) => /[\r\n\0]/.test(value));
  if (broken)
    throw new Error(`${broken[0]} of pgbackrest.conf: has a line break or a NUL character; write it in one line`);
  const lines = Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const ofServer = (line: string) => line.startsWith("pg1-");
  return [
    "# Written by pgwright from the stack file; changes made here are put back.",
    "[global]",
    ...lines.filter((line) => !ofServer(line)),
    "",
    `[${stanza}]`,
    ...lines.filter(ofServer),
    "",
  ].join("\n");
}

/** The stanza and options of a pgbackrest.conf. */
export function parsePgbackrestConf(text: string): { stanza: string; options: Options } {
  const stanza = /^\[(?!global\])(.+)\]$/m.exec(text)?.[1] ?? "";
  const options = [...text.matchAll(/^([a-z0-9-]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]);
  return { stanza, options: Object.fromEntries(options) as Options };
}
