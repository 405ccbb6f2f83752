import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { passphraseOptions, type Options } from "../backup/options";
import { repositoryPath } from "../backup/paths";
import type { BackupConfig } from "../config/backup";

/** A mount of a container, as the Docker plugin takes it. */
export type Mount = docker.types.input.ContainerVolume;

export interface RepositoriesArgs {
  config: BackupConfig;
  /** Encrypts them, if the stack file says so. */
  passphrase?: pulumi.Output<string>;
}

/** Where a server's WAL and backups go: the volumes that the stack makes for it, and what is there already. */
export class Repositories extends pulumi.ComponentResource {
  /** What every container that reads or writes them needs. */
  public readonly mounts: Mount[];
  /** Volumes or folders of the host, by the folder where containers expect them. */
  public readonly places: Record<string, pulumi.Input<string>>;
  public readonly config: BackupConfig;
  /** Name of the server in them: pgBackRest's stanza. */
  public readonly stanza: string;
  /** Options of pgbackrest.conf that are secret. */
  public readonly secrets: pulumi.Output<Options>;

  constructor(name: string, { config, passphrase }: RepositoriesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Repositories", name, {}, opts);
    const { repositories, keep } = config;
    this.config = config;
    this.stanza = config.name ?? name;
    this.secrets = (passphrase ?? pulumi.output("")).apply((text) =>
      text ? passphraseOptions(repositories.length, text) : {},
    );
    this.mounts = repositories.map(({ volume, path }, i) => {
      const containerPath = repositoryPath(i + 1);
      if (path !== undefined) return { hostPath: path, containerPath };
      if (volume !== undefined) return { volumeName: volume, containerPath };
      const own = `${name}-backup${i === 0 ? "" : i + 1}`;
      const made = new docker.Volume(
        own,
        { name: own },
        { parent: this, retainOnDelete: keep, ignoreChanges: ["labels", "driverOpts"] },
      );
      return { volumeName: made.name, containerPath };
    });
    this.places = Object.fromEntries(
      this.mounts.map(({ containerPath, volumeName, hostPath }) => [containerPath, (volumeName ?? hostPath)!]),
    ) as Record<string, pulumi.Input<string>>;
    this.registerOutputs({});
  }
}
