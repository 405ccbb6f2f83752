import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { tierOwner } from "../config/jobs";
import type { DatabaseConfig } from "../config/databases";
import type { RoleConfig } from "../config/roles";
import type { TieredTableConfig } from "../config/tiers";
import { Access, Database as DatabaseResource, Migrations, type Provider } from "../provider/resources";
import { versionsOf, wantedMigrations } from "../provider/kinds/migrations/file";
import { readMigrations } from "../sql/read";
import { wantedAccess } from "./access";
import { Partitions } from "./partitions";
import { Tiers } from "./tiers";

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

/** One database: schemas, extensions, migrations, sets of partitions, tiered tables and privileges. */
export class Database extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Database", name, {}, opts);
    const inServer = { parent: this, provider: args.postgres };
    const inDatabase = { parent: this, provider: args.pgwright };

    const database = new DatabaseResource(
      name,
      { name, owner: args.owner, connectionLimit: args.connectionLimit },
      { ...inDatabase, dependsOn: args.rolesReady, protect: args.protect },
    );

    // Goes with the database.
    const withDatabase = { ...inServer, deletedWith: database };

    // A schema is dropped only when it is empty; Access empties it if the stack file says so.
    const schemas = Object.entries(args.schemas).map(
      ([schema, { owner }]) =>
        new postgresql.Schema(
          `${name}.${schema}`,
          { name: schema, database: database.name, owner: owner ?? args.owner },
          withDatabase,
        ),
    );
    const declared = {
      ...args.extensions,
      ...(args.holdsCron ? { pg_cron: { schema: "pg_catalog", version: undefined } } : {}),
    };
    const extensions = Object.entries(declared).map(
      ([extension, { schema, version }]) =>
        new postgresql.Extension(
          `${name}.${extension}`,
          { name: extension, database: database.name, schema: schema ?? "public", version },
          { ...withDatabase, dependsOn: schemas },
        ),
    );
    this.ready.push(database, ...schemas, ...extensions);

    const { folder, role, target } = args.migrations ?? {};
    const files = folder === undefined ? {} : readMigrations(folder);
    const applied = wantedMigrations(files, target);
    const access = wantedAccess(name, args, versionsOf(Object.keys(applied)));
    if (args.migrations) {
      this.ready.push(
        new Migrations(
          name,
          { database: name, role: role ?? args.owner, files, target, access },
          { ...inDatabase, deletedWith: database, dependsOn: [...this.ready] },
        ),
      );
    }
    if (args.partitions) {
      const inside = { parent: this, deletedWith: database, dependsOn: [...this.ready] };
      const partitions = new Partitions(name, { ...args.partitions, database: name, pgwright: args.pgwright }, inside);
      this.ready.push(...partitions.ready);
    }
    if (Object.keys(args.tiers).length > 0) {
      const inside = { parent: this, deletedWith: database, dependsOn: [...this.ready] };
      const owned = ([table, config]: [string, TieredTableConfig]) => [
        table,
        { ...config, owner: tierOwner(args, table) },
      ];
      const tables = Object.fromEntries(Object.entries(args.tiers).map(owned));
      this.ready.push(...new Tiers(name, { database: name, tables, pgwright: args.pgwright }, inside).ready);
    }
    // After what makes objects: grants may name them.
    this.ready.push(new Access(name, access, { ...inDatabase, deletedWith: database, dependsOn: [...this.ready] }));
    this.registerOutputs({});
  }
}
