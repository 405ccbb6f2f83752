import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { archiveCommand } from "../backup/archive-settings";
import { drillSpecification } from "../backup/drill";
import { backupOptions } from "../backup/options";
import { CONFIG_PATH, DATA_PATH, scriptPath } from "../backup/paths";
import { agentSchedules } from "../config/agent-schedules";
import type { RestoreConfig } from "../config/backup";
import type { S3Keys } from "../config/s3";
import type { ServerConfig } from "../config/stack";
import { mebibytes } from "../config/units";
import { configurationId } from "../provider/kinds/configuration/files";
import { parametersOf } from "../provider/kinds/configuration/parameters";
import { STOP_WITHIN_S } from "../provider/kinds/server/execute";
import {
  BackupConfiguration,
  Cluster,
  Configuration,
  Password,
  Presence,
  Server as RunningServer,
  type Provider,
} from "../provider/resources";
import { oneLine } from "../provider/visible-text";
import { hbaRules, userNameMaps } from "../tuning/pg-hba";
import type { Tuning } from "../tuning/tune";
import type { Image } from "./image";
import { clusterOrigin } from "./cluster-origin";
import type { Mount, Repositories } from "./repositories";

export interface ServerArgs extends ServerConfig {
  image: Image;
  /** The engine is on another machine. */
  remote: boolean;
  pgwright: Provider;
  /** The settings of postgresql.conf, but for the command of the WAL archive. */
  tuning: Tuning;
  /** Superuser's password, if the stack file declares one. */
  password?: pulumi.Input<string>;
  /** Refuse to delete the data volume. */
  protect: boolean;
  /** Repositories for WAL and backups; no archiving if absent. */
  repositories?: Repositories;
  /** The source of the data; created by initdb if absent. */
  restoreFrom?: RestoreConfig;
  /** Passphrase of the repository of restoreFrom. */
  restorePassphrase?: pulumi.Output<string>;
  restoreKeys?: pulumi.Output<S3Keys>;
}

/** Formats a CPU limit as Docker's plugin reads it back, so that a refresh finds no difference. */
export function dockerCpus(cpus: number): string {
  const text = cpus.toFixed(9);
  return text.split("0").length - 1 === 9 ? cpus.toFixed(1) : text.replace(/0+$/, "");
}

/** One PostgreSQL server in a container: network, volumes, configuration, and the wait until it is ready. */
export class Server extends pulumi.ComponentResource {
  /** Ready for use, with the settings of the stack file in effect. */
  public readonly ready: RunningServer;
  /** The data volume. */
  public readonly cluster: Cluster;
  /** True if the stack file declares restoreFrom. */
  public readonly restored: boolean;
  public readonly superuserPassword: pulumi.Output<string>;
  public readonly network: docker.Network;
  private readonly configVolume: docker.Volume;

  constructor(name: string, args: ServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Server", name, {}, opts);
    const child = { parent: this };
    const inServer = { parent: this, provider: args.pgwright };
    const memory = mebibytes(args.memory);
    const { repositories, tuning } = args;

    for (const warning of tuning.warnings) void pulumi.log.warn(oneLine(warning), this);
    const archiving = repositories ? [archiveCommand(repositories.stanza, repositories.config)] : [];
    const settings = [...tuning.settings, ...archiving];
    const hba = hbaRules(args.allowFrom, args.address);

    this.network = new docker.Network(name, { name }, child);
    this.restored = args.restoreFrom !== undefined;
    this.cluster = new Cluster(
      `${name}-data`,
      { name: `${name}-data`, image: args.image.reference, ...clusterOrigin(args) },
      { ...inServer, protect: args.protect, dependsOn: [args.image.ready] },
    );
    this.configVolume = new docker.Volume(`${name}-config`, { name: `${name}-config` }, child);
    const configuration = new Configuration(
      `${name}-config`,
      {
        volume: this.configVolume.name,
        image: args.image.reference,
        settings,
        hba,
        network: this.network.name,
        ident: userNameMaps,
        limits: { memory, cpus: dockerCpus(args.cpus), sharedMemory: tuning.sharedMemory },
      },
      { ...inServer, dependsOn: [args.image.ready] },
    );
    const written: pulumi.Resource[] = [configuration];
    if (repositories) {
      const { drill, dumps } = repositories.config;
      written.push(
        new BackupConfiguration(
          `${name}-backup-config`,
          {
            volume: this.configVolume.name,
            image: args.image.reference,
            stanza: repositories.stanza,
            options: backupOptions(repositories.config),
            secrets: repositories.secrets,
            certificates: repositories.certificates,
            folders: repositories.folders,
            schedules: agentSchedules(repositories.config),
            drill: drill && drillSpecification(drill),
            dumps: dumps && { keep: dumps.keep, databases: dumps.databases },
          },
          // After the other files, since only one resource at a time may write to the volume.
          { ...inServer, dependsOn: [args.image.ready, configuration] },
        ),
      );
    }
    const presence = new Presence(
      `${name}-container`,
      {
        what: "container",
        object: name,
        publishes: args.remote ? undefined : { address: args.address, port: args.port },
      },
      inServer,
    );

    const container = new docker.Container(
      name,
      {
        name,
        image: args.image.reference,
        restart: "unless-stopped",
        memory,
        memorySwap: memory,
        cpus: dockerCpus(args.cpus),
        shmSize: tuning.sharedMemory,
        networksAdvanced: [{ name: this.network.name, aliases: ["postgres"] }],
        ports: [{ internal: 5432, external: args.port, ip: args.address, protocol: "tcp" }],
        volumes: [...this.mounts(), ...(repositories?.mounts ?? [])],
        healthcheck: {
          tests: ["CMD", scriptPath("healthcheck.sh")],
          interval: "10s",
          timeout: "5s",
          startPeriod: "30s",
          retries: 6,
        },
        capabilities: { drops: ["ALL"] },
        // Processes whose parent has exited (such as pgBackRest's asynchronous archiving) become children of process 1. If this
        // were the postmaster, it would treat the failure of such a process as a crash, and end all sessions.
        init: true,
        logDriver: "json-file",
        logOpts: { "max-file": "3", "max-size": "20m" },
        stopSignal: "SIGINT",
        stopTimeout: STOP_WITHIN_S,
        destroyGraceSeconds: STOP_WITHIN_S,
        removeVolumes: false,
        mustRun: true,
      },
      {
        ...child,
        dependsOn: [args.image.ready, ...written],
        // The plugin does not apply changes of these to an existing container, and two containers cannot have one name.
        replaceOnChanges: ["healthcheck", "tmpfs", "init"],
        deleteBeforeReplace: true,
        replacementTrigger: presence.generation,
      },
    );

    const password = new Password(
      `${name}-superuser`,
      { role: "postgres", value: args.password, rotation: args.passwordRotation },
      inServer,
    );
    this.superuserPassword = password.password;
    this.ready = new RunningServer(
      name,
      {
        containerId: container.id,
        parameters: parametersOf(settings),
        configuration: configurationId(settings, hba),
        verifier: password.verifier,
        restartPolicy: args.restartPolicy,
        volume: this.configVolume.name,
        image: args.image.reference,
      },
      { ...inServer, dependsOn: [configuration] },
    );
    this.registerOutputs({});
  }

  /** Mounts of data and configuration, at the paths that every container of the image expects. */
  mounts({ readOnly = false } = {}): Mount[] {
    return [
      { volumeName: this.cluster.volume, containerPath: DATA_PATH, ...(readOnly ? { readOnly } : {}) },
      { volumeName: this.configVolume.name, containerPath: CONFIG_PATH, readOnly: true },
    ];
  }
}
