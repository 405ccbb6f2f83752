import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { backupOptions, passphraseOptions, repositoryOptions, type Options } from "../backup/options";
import { repositoryPath } from "../backup/paths";
import type { RestoreConfig } from "../config/backup";
import type { ClusterInputs } from "../provider/kinds/cluster";
import type { Args } from "../provider/resources";
import type { Repositories } from "./repositories";

export interface OriginArgs {
  repositories?: Repositories;
  restoreFrom?: RestoreConfig;
  restorePassphrase?: pulumi.Output<string>;
}

type OriginInputs = Omit<Args<ClusterInputs>, "name" | "image" | "present">;

/** What the resource of a server's data has to know of backups: its own, and those that it is made from. */
export function clusterOrigin({ repositories, restoreFrom, restorePassphrase }: OriginArgs): OriginInputs {
  const accessTo = (stanza: string, mounts: Record<string, pulumi.Input<string>>, options: Options) =>
    pulumi.output(mounts).apply((places) => ({ stanza, mounts: places, options }));
  const own = repositories && accessTo(repositories.stanza, repositories.places, backupOptions(repositories.config));
  const mine: OriginInputs = {
    own,
    ownSecrets: repositories?.secrets ?? {},
    fromSecrets: {},
    inPlace: restoreFrom?.inPlace ?? false,
  };
  if (!restoreFrom) return mine;
  const { server = repositories?.stanza ?? "", repository, running, run, checks } = restoreFrom;
  const { time, name, lsn, backup, timeline } = restoreFrom;
  const place = repository?.volume ?? repository?.path;
  const handling = {
    run: run.map(({ database, file }) => ({ database, sql: readFileSync(file, "utf8") })),
    checks,
    cronOff: running !== undefined || place !== undefined || server !== repositories?.stanza,
  };
  if (running !== undefined) return { ...mine, restoreFrom: { server: running, running: true }, handling };
  const from =
    place !== undefined
      ? accessTo(server, { [repositoryPath(1)]: place }, repositoryOptions(1, repository?.encrypted ?? false))
      : repositories && accessTo(server, repositories.places, backupOptions(repositories.config));
  const secrets = (restorePassphrase ?? pulumi.output("")).apply((text): Options =>
    text ? passphraseOptions(1, text) : {},
  );
  return {
    ...mine,
    restoreFrom: { server, repository: place, time, name, lsn, backup, timeline },
    from,
    fromSecrets: place === undefined ? mine.ownSecrets : secrets,
    handling,
  };
}
