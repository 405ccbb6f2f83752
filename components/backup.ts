import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { LEDGER_PATH } from "../backup/paths";
import { mebibytes } from "../config/units";
import { Backups, Library, Presence, type Provider } from "../provider/resources";
import type { Repositories } from "./repositories";
import type { Server } from "./server";

export interface BackupArgs {
  /** Image of the server. */
  image: string;
  server: Server;
  repositories: Repositories;
  pgwright: Provider;
}

/** The agent that makes backups of a server by the clock, and the first backup. */
export class Backup extends pulumi.ComponentResource {
  constructor(name: string, args: BackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Backup", name, {}, opts);
    const child = { parent: this };
    const inServer = { parent: this, provider: args.pgwright };
    const agentName = `${name}-agent`;
    const memory = mebibytes(args.repositories.config.memory);

    const ledger = new docker.Volume(agentName, { name: agentName }, child);
    const presence = new Presence(`${agentName}-container`, { what: "container", object: agentName }, inServer);
    const agent = new docker.Container(
      agentName,
      {
        name: agentName,
        image: args.image,
        command: ["agent.sh"],
        restart: "unless-stopped",
        memory,
        memorySwap: memory,
        // It reaches the server by a socket on the data volume, and nothing else.
        networkMode: "none",
        volumes: [
          ...args.server.mounts({ readOnly: true }),
          ...args.repositories.mounts,
          { volumeName: ledger.name, containerPath: LEDGER_PATH },
        ],
        healthcheck: {
          tests: ["CMD", "/usr/local/bin/agent.sh", "health"],
          interval: "30s",
          timeout: "5s",
          startPeriod: "30s",
          retries: 3,
        },
        capabilities: { drops: ["ALL"] },
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "20m" },
        stopSignal: "SIGTERM",
        destroyGraceSeconds: 10,
        removeVolumes: false,
        mustRun: true,
      },
      {
        ...child,
        dependsOn: [args.server.ready],
        replaceOnChanges: ["healthcheck", "tmpfs", "init"],
        replacementTrigger: presence.generation,
      },
    );
    const library = new Library(
      `${name}-backups`,
      { database: "postgres", library: "backups" },
      {
        ...inServer,
        deletedWith: args.server.cluster,
        dependsOn: [args.server.ready],
      },
    );
    new Backups(
      name,
      {
        agent: agent.name,
        stanza: args.repositories.stanza,
        repositories: args.repositories.mounts.length,
        generation: args.server.cluster.generation,
        restored: args.server.restored,
      },
      { ...inServer, deletedWith: args.server.cluster, dependsOn: [args.server.ready, agent, library] },
    );
    this.registerOutputs({});
  }
}
