import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { CONFIG_PATH, DATA_PATH, DUMPS_PATH, LEDGER_PATH } from "../backup/paths";
import { Backups, Library, RestoreDrill, type Provider } from "../provider/resources";
import { dumpsVolume, type Mount, type Repositories } from "./repositories";
import type { Server } from "./server";
import { Sidecar } from "./sidecar";

export interface BackupArgs {
  /** Image of the server. */
  image: string;
  server: Server;
  repositories: Repositories;
  pgwright: Provider;
}

/** The agent that makes scheduled backups of a server, the first backup, and the restore drill. */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Backup", name, {}, opts);
    const child = { parent: this };
    const { image, server, repositories, pgwright } = args;
    const { memory, drill } = repositories.config;
    const inServer = { parent: this, provider: pgwright, deletedWith: server.cluster };

    const volume = new docker.Volume(`${name}-agent`, { name: `${name}-agent` }, child);
    const ledger: Mount = { volumeName: volume.name, containerPath: LEDGER_PATH };
    // The agent connects to the server through a socket on the data volume.
    const mounts = [
      ...server.mounts({ readOnly: true }),
      ...repositories.mounts,
      ledger,
      ...this.dumps(name, repositories),
    ];
    const agent = new Sidecar(
      `${name}-agent`,
      { image, script: "agent.sh", memory, mounts, network: this.network(args), pgwright },
      { ...child, dependsOn: [server.ready] },
    );
    const library = new Library(
      `${name}-backups`,
      { database: "postgres", library: "backups" },
      { ...inServer, dependsOn: [server.ready] },
    );
    const backups = new Backups(
      name,
      {
        agent: agent.container.name,
        stanza: repositories.stanza,
        repositories: repositories.config.repositories.length,
        buckets: repositories.buckets,
        generation: server.cluster.generation,
        restored: server.restored,
      },
      { ...inServer, dependsOn: [server.ready, agent, library] },
    );
    if (drill) this.drill(name, args, ledger, agent, backups);
    this.registerOutputs({});
  }

  /** The network to reach buckets; undefined without buckets. */
  private network({ server, repositories }: BackupArgs): pulumi.Output<string> | undefined {
    return repositories.buckets ? server.network.name : undefined;
  }

  /** The mount for dumps; none if dumps are not declared. */
  private dumps(name: string, { config }: Repositories): Mount[] {
    if (!config.dumps) return [];
    const { path, volume } = config.dumps;
    if (path !== undefined) return [{ hostPath: path, containerPath: DUMPS_PATH }];
    if (volume !== undefined) return [{ volumeName: volume, containerPath: DUMPS_PATH }];
    const own = new docker.Volume(
      dumpsVolume(name),
      { name: dumpsVolume(name) },
      { parent: this, retainOnDelete: config.keep, ignoreChanges: ["labels", "driverOpts"] },
    );
    return [{ volumeName: own.name, containerPath: DUMPS_PATH }];
  }

  private drill(name: string, args: BackupArgs, ledger: Mount, agent: Sidecar, backups: Backups): void {
    const { image, server, repositories, pgwright } = args;
    const { drill } = repositories.config;
    if (!drill) return;
    const scratch = new docker.Volume(`${name}-drill`, { name: `${name}-drill` }, { parent: this });
    const mounts = [
      { volumeName: scratch.name, containerPath: DATA_PATH },
      ...server.mounts().filter(({ containerPath }) => containerPath === CONFIG_PATH),
      ...repositories.mounts.map((mount) => ({ ...mount, readOnly: true })),
      ledger,
    ];
    const drillContainer = new Sidecar(
      `${name}-drill`,
      { image, script: "drill.sh", memory: drill.memory, mounts, network: this.network(args), pgwright },
      { parent: this, dependsOn: [server.ready] },
    );
    new RestoreDrill(
      name,
      { agent: agent.container.name, maxAge: drill.maxAge },
      { parent: this, provider: pgwright, deletedWith: server.cluster, dependsOn: [backups, drillContainer] },
    );
  }
}
