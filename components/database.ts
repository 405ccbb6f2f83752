import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { DatabaseConfig, RoleConfig } from "../config/stack";
import { Access, Migrations, type Provider } from "../provider/resources";
import { readMigrations } from "../sql/read";
import { wantedAccess } from "./access";

export interface DatabaseArgs extends DatabaseConfig {
  roles: Record<string, RoleConfig>;
  /** What the database waits for: the roles that it names. */
  rolesReady: pulumi.Resource[];
  /** Is this the database that holds pg_cron? */
  holdsCron: boolean;
  pgwright: Provider;
  postgres: postgresql.Provider;
  protect: boolean;
}

/** One database: schemas, extensions, migrations and privileges. */
export class Database extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Database", name, {}, opts);
    const inServer = { parent: this, provider: args.postgres };
    const inDatabase = { parent: this, provider: args.pgwright };

    const database = new postgresql.Database(
      name,
      { name, owner: args.owner, connectionLimit: args.connectionLimit },
      { ...inServer, dependsOn: args.rolesReady, protect: args.protect },
    );

    const schemas = Object.entries(args.schemas).map(
      ([schema, { owner }]) =>
        new postgresql.Schema(
          `${name}.${schema}`,
          { name: schema, database: database.name, owner: owner ?? args.owner, dropCascade: true },
          inServer,
        ),
    );
    const declared = { ...args.extensions, ...(args.holdsCron ? { pg_cron: { schema: "pg_catalog", version: undefined } } : {}) };
    const extensions = Object.entries(declared).map(
      ([extension, { schema, version }]) =>
        new postgresql.Extension(
          `${name}.${extension}`,
          { name: extension, database: database.name, schema: schema ?? "public", version },
          { ...inServer, dependsOn: schemas },
        ),
    );
    this.ready.push(database, ...schemas, ...extensions);

    const access = wantedAccess(name, args);
    if (args.migrations) {
      const { folder, role, target } = args.migrations;
      const files = readMigrations(folder);
      this.ready.push(
        new Migrations(
          name,
          { database: name, role: role ?? args.owner, files, target, access },
          { ...inDatabase, dependsOn: [...this.ready] },
        ),
      );
    }
    // After the migrations: grants may name what they have made.
    this.ready.push(new Access(name, access, { ...inDatabase, dependsOn: [...this.ready] }));
    this.registerOutputs({});
  }
}
