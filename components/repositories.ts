import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { keyOptions, passphraseOptions, type Options } from "../backup/options";
import { certificateFile, repositoryPath } from "../backup/paths";
import { dataPath } from "../config/data-file";
import { locationOf, type BackupConfig } from "../config/backup";
import type { S3Config, S3Keys } from "../config/s3";

/** A mount of a container, as the Docker plugin takes it. */
export type Mount = docker.types.input.ContainerVolume;

export interface RepositoriesArgs {
  config: BackupConfig;
  /** Passphrase of the encryption, if the stack file declares it. */
  passphrase?: pulumi.Output<string>;
  /** Keys of the repositories in buckets. */
  keys?: pulumi.Output<S3Keys>;
}

/** The secret options of repositories. */
export function repositorySecrets(
  repositories: { s3?: S3Config }[],
  passphrase?: pulumi.Output<string>,
  keys?: pulumi.Output<S3Keys>,
): pulumi.Output<Options> {
  return pulumi.all([passphrase ?? "", keys ?? {}]).apply(([text, found]) => ({
    ...(text ? passphraseOptions(repositories.length, text) : {}),
    ...keyOptions(repositories, found as S3Keys),
  }));
}

/** The CAs of the endpoints of buckets, as files of the configuration; undefined if there are none. */
export function certificatesOf(repositories: { s3?: S3Config }[]): Record<string, string> | undefined {
  const files = repositories.flatMap(({ s3 }, i) =>
    s3?.certificate === undefined ? [] : [[certificateFile(i + 1), readFileSync(dataPath(s3.certificate), "utf8")]],
  );
  return files.length > 0 ? (Object.fromEntries(files) as Record<string, string>) : undefined;
}

/** Names of the volumes that a stack creates; `number` from 1 on. */
export const repositoryVolume = (server: string, number: number): string =>
  `${server}-backup${number === 1 ? "" : number}`;
export const dumpsVolume = (server: string): string => `${server}-dumps`;

/** The repositories for a server's WAL and backups: volumes that the stack creates, and existing volumes, folders and buckets. */
export class Repositories extends pulumi.ComponentResource {
  /** Mounts for every container that reads or writes them. */
  public readonly mounts: Mount[];
  /** Volumes or folders of the host, by the folder where containers expect them. */
  public readonly sources: Record<string, pulumi.Input<string>>;
  public readonly config: BackupConfig;
  /** Folders of the Docker host for repositories and dumps; undefined if there are none. */
  public readonly folders?: string[];
  /** Name of the server in them: pgBackRest's stanza. */
  public readonly stanza: string;
  /** Options of pgbackrest.conf that are secret. */
  public readonly secrets: pulumi.Output<Options>;
  /** CAs of the endpoints of buckets. */
  public readonly certificates?: Record<string, string>;
  /** Locations of the repositories in buckets, by number; undefined if there are none. */
  public readonly buckets?: Record<string, string>;

  constructor(name: string, { config, passphrase, keys }: RepositoriesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Repositories", name, {}, opts);
    const { repositories, keep } = config;
    this.config = config;
    this.stanza = config.name ?? name;
    this.secrets = repositorySecrets(repositories, passphrase, keys);
    this.certificates = certificatesOf(repositories);
    const folders = [...repositories, config.dumps].flatMap((each) => each?.path ?? []);
    if (folders.length > 0) this.folders = folders;
    const inBuckets = repositories.flatMap((repository, i) => (repository.s3 ? [[i + 1, locationOf(repository)]] : []));
    if (inBuckets.length > 0) this.buckets = Object.fromEntries(inBuckets) as Record<string, string>;
    this.mounts = repositories.flatMap(({ volume, path, s3 }, i): Mount[] => {
      const containerPath = repositoryPath(i + 1);
      if (s3 !== undefined) return [];
      if (path !== undefined) return [{ hostPath: path, containerPath }];
      if (volume !== undefined) return [{ volumeName: volume, containerPath }];
      const own = repositoryVolume(name, i + 1);
      const created = new docker.Volume(
        own,
        { name: own },
        { parent: this, retainOnDelete: keep, ignoreChanges: ["labels", "driverOpts"] },
      );
      return [{ volumeName: created.name, containerPath }];
    });
    this.sources = Object.fromEntries(
      this.mounts.map(({ containerPath, volumeName, hostPath }) => [containerPath, (volumeName ?? hostPath)!]),
    ) as Record<string, pulumi.Input<string>>;
    this.registerOutputs({});
  }
}
