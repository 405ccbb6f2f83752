import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { backupOptions, repositoryOptions } from "../backup/options";
import { repositoryPath } from "../backup/paths";
import { dataPath } from "../config/data-file";
import { locationOf, type RestoreConfig } from "../config/backup";
import type { S3Keys } from "../config/s3";
import type { ClusterInputs } from "../provider/kinds/cluster/inputs";
import type { Args } from "../provider/resources";
import type { Repositories as Accessible } from "../provider/restore";
import { certificatesOf, repositorySecrets, type Repositories } from "./repositories";

export interface OriginArgs {
  repositories?: Repositories;
  restoreFrom?: RestoreConfig;
  adoptVolume?: string;
  restorePassphrase?: pulumi.Output<string>;
  restoreKeys?: pulumi.Output<S3Keys>;
}

type OriginInputs = Omit<Args<ClusterInputs>, "name" | "image" | "present">;

/** Inputs of the resource Cluster about backups: the server's own repositories, and the source of a restore. */
export function clusterOrigin(args: OriginArgs): OriginInputs {
  const { repositories, restoreFrom, restorePassphrase, restoreKeys } = args;
  const ofStack = (stanza: string, { sources, config, certificates }: Repositories): pulumi.Output<Accessible> =>
    pulumi.output(sources).apply((mounts) => ({ stanza, mounts, options: backupOptions(config), certificates }));
  const mine: OriginInputs = {
    own: repositories && ofStack(repositories.stanza, repositories),
    ownSecrets: repositories?.secrets ?? {},
    fromSecrets: {},
    inPlace: restoreFrom?.inPlace ?? false,
    replace: restoreFrom?.replace,
    adopt: args.adoptVolume,
  };
  if (!restoreFrom) return mine;
  const { server = repositories?.stanza ?? "", repository, running, run, checks } = restoreFrom;
  const { time, name, lsn, backup, timeline } = restoreFrom;
  const location = repository && locationOf(repository);
  const handling = {
    run: run.map(({ database, file, role }) => ({ database, sql: readFileSync(dataPath(file), "utf8"), role })),
    checks,
    cronOff: running !== undefined || location !== undefined || server !== repositories?.stanza,
  };
  if (running !== undefined) return { ...mine, restoreFrom: { server: running, running: true }, handling };
  const origin = { server, repository: location, time, name, lsn, backup, timeline };
  if (!repository) {
    const from = repositories && ofStack(server, repositories);
    return { ...mine, restoreFrom: origin, from, fromSecrets: mine.ownSecrets, handling };
  }
  const { volume, path, s3, encrypted } = repository;
  const mount = volume ?? path;
  const from: Accessible = {
    stanza: server,
    mounts: mount === undefined ? {} : { [repositoryPath(1)]: mount },
    options: repositoryOptions(1, encrypted, s3),
    certificates: certificatesOf([repository]),
  };
  const fromSecrets = repositorySecrets([repository], restorePassphrase, restoreKeys);
  return { ...mine, restoreFrom: origin, from, fromSecrets, handling };
}
