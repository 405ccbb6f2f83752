import * as docker from "@pulumi/docker";
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { sourceOf, type DatabaseConfig } from "../config/databases";
import { sortByNeeds } from "../config/order";
import type { S3Keys } from "../config/s3";
import type { TunedStack } from "../config/stack";
import { ephemeralLabels } from "../provider/ephemeral-labels";
import { saslprep } from "../provider/saslprep";
import { Inventory, Protection, Provider } from "../provider/resources";
import { Backup } from "./backup";
import { Database } from "./database";
import { Image } from "./image";
import { inventoryOf } from "./inventory";
import { Jobs } from "./jobs";
import { after, labelled } from "./labelled";
import { Repositories } from "./repositories";
import { Roles } from "./roles";
import { Server } from "./server";

export interface PostgresArgs extends TunedStack {
  /** Passwords by role; other roles get random ones. */
  passwords?: pulumi.Input<Record<string, string>>;
  /** Roles with an entry in `passwords`. */
  passwordsGiven?: string[];
  /** Encrypts the backups, if `backup.encrypted`. */
  backupPassphrase?: pulumi.Output<string>;
  /** Passphrase of the repository of `restoreFrom`, if it is encrypted. */
  restorePassphrase?: pulumi.Output<string>;
  /** Keys of the buckets of `backup`, and of the bucket of `restoreFrom`. */
  backupS3?: pulumi.Output<S3Keys>;
  restoreS3?: pulumi.Output<S3Keys>;
}

/** A PostgreSQL server with everything that the stack file declares in it. `name` is also the name of its Docker objects. */
export class Postgres extends pulumi.ComponentResource {
  public readonly host: string;
  public readonly port: number;
  public readonly version: pulumi.Output<string>;
  public readonly superuserPassword: pulumi.Output<string>;
  /** The inventory of the stack, which all its Docker objects depend on. */
  private readonly inventory: Inventory;
  /** Passwords of the roles that may log in. */
  public readonly passwords: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    const labels = args.ephemeral && ephemeralLabels(name, args.ephemeral.expires);
    super(
      "pgwright:components:Postgres",
      name,
      {},
      pulumi.mergeOptions(opts, { transformations: [labelled(labels), after(() => this.inventory)] }),
    );
    const passwords = pulumi.secret(args.passwords ?? {}) as pulumi.Output<Record<string, string>>;
    const passwordsGiven = args.passwordsGiven ?? [];

    const pgwright = new Provider(
      name,
      { container: name, engine: args.engine, guards: args.guards },
      { parent: this },
    );
    this.inventory = new Inventory(name, inventoryOf(name, args), { parent: this, provider: pgwright });
    // After the inventory, whose error says what to do if the engine does not answer.
    const behind = { parent: this, dependsOn: [this.inventory] };
    const engine = args.engine ? [new docker.Provider(name, { host: args.engine }, behind)] : [];
    const onEngine = { parent: this, providers: engine };

    const image = new Image(name, { ...args.image, engine: args.engine, pgwright }, onEngine);
    const { backup: config, backupPassphrase: passphrase, backupS3: keys } = args;
    const repositories = config && new Repositories(name, { config, passphrase, keys }, onEngine);
    const server = new Server(
      name,
      {
        ...args.server,
        image,
        remote: isRemote(args.engine),
        pgwright,
        password: passwordsGiven.includes("postgres") ? passwords.apply((all) => all.postgres as string) : undefined,
        protect: args.protect,
        tuning: args.tuning,
        repositories,
        restoreFrom: args.restoreFrom,
        restorePassphrase: args.restorePassphrase,
        restoreKeys: args.restoreS3,
      },
      onEngine,
    );
    this.host = args.server.address === "0.0.0.0" ? "127.0.0.1" : args.server.address;
    this.port = args.server.port;
    this.version = server.ready.version;
    this.superuserPassword = server.superuserPassword;

    const postgres = new postgresql.Provider(
      name,
      {
        host: this.host,
        port: this.port,
        username: "postgres",
        // This plugin does not apply SASLprep to a password, as libpq does before hashing it.
        password: this.superuserPassword.apply(saslprep),
        sslmode: "disable",
        expectedVersion: "17.0.0",
      },
      { parent: this, dependsOn: [server.ready] },
    );
    // Resources inside PostgreSQL are removed with the data volume: a destroy does not drop each of them.
    const inside = { parent: this, deletedWith: server.cluster, dependsOn: [server.ready] };

    const roles = new Roles(name, { roles: args.roles, passwords, passwordsGiven, pgwright }, inside);
    this.passwords = pulumi.all(roles.passwords);

    const { cronDatabase } = args.server;
    const databases: Record<string, Database> = {};
    for (const database of sortByNeeds(Object.keys(args.databases), (each) => sourceOf(args.databases, each))) {
      const config = args.databases[database] as DatabaseConfig;
      const [source = ""] = sourceOf(args.databases, database);
      databases[database] = new Database(
        database,
        {
          ...config,
          roles: args.roles,
          after: [...roles.ready, ...(databases[source]?.ready ?? []), ...(databases[source]?.indexes ?? [])],
          source: args.databases[source],
          holdsCron: database === cronDatabase,
          pgwright,
          postgres,
          protect: args.protect,
        },
        inside,
      );
    }
    const cron = args.databases[cronDatabase]
      ? []
      : [
          new postgresql.Extension(
            `${name}-pg_cron`,
            { name: "pg_cron", database: cronDatabase, schema: "pg_catalog" },
            { ...inside, provider: postgres },
          ),
        ];
    const jobs = new Jobs(
      name,
      { databases: args.databases, cronDatabase, pgwright },
      { ...inside, dependsOn: [...cron, ...Object.values(databases).flatMap(({ ready }) => ready)] },
    );
    if (repositories) {
      const backup = { image: image.reference, server, repositories, pgwright };
      new Backup(name, backup, { ...onEngine, dependsOn: [server.ready] });
    }
    new Protection(
      name,
      { protected: args.protect },
      {
        parent: this,
        provider: pgwright,
        protect: args.protect,
        dependsOn: [image, server, this.inventory, roles, ...Object.values(databases), ...cron, jobs],
      },
    );
    this.registerOutputs({});
  }
}

function isRemote(engine: string | undefined): boolean {
  return engine !== undefined && !engine.startsWith("unix:") && !engine.startsWith("npipe:");
}
