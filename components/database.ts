import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { dataPath } from "../config/data-file";
import { tierOwner } from "../config/jobs";
import type { DatabaseConfig } from "../config/databases";
import type { RoleConfig } from "../config/roles";
import type { TieredTableConfig } from "../config/tiers";
import { Access, Database as DatabaseResource, Library, Migrations, type Provider } from "../provider/resources";
import type { DatabaseInputs } from "../provider/kinds/database/inputs";
import { wantedMigrations } from "../provider/kinds/migrations/files/file";
import { versionsOf } from "../provider/kinds/migrations/files/file-name";
import { readMigrations } from "../sql/read";
import { declaredAccess } from "./access";
import { Partitions } from "./partitions";
import { Tiers } from "./tiers";
import { Vectors } from "./vectors";

export interface DatabaseArgs extends DatabaseConfig {
  roles: Record<string, RoleConfig>;
  /** Resources that the database depends on: its roles, and those of the database that it copies. */
  after: pulumi.Resource[];
  /** The database that it copies, if the stack declares it. */
  source?: DatabaseConfig;
  /** True for the database with extension pg_cron. */
  holdsCron: boolean;
  pgwright: Provider;
  postgres: postgresql.Provider;
  protect: boolean;
}

/** The migration files of a database, and the hashes of those to apply. */
function migrationsOf(config: DatabaseConfig | undefined) {
  const files = config?.migrations ? readMigrations(dataPath(config.migrations.folder)) : {};
  return { files, applied: wantedMigrations(files, config?.migrations?.target) };
}

/** Inputs of the resource of a database that copies another one. */
function copyInputs({ copyOf, source }: DatabaseArgs): Pick<DatabaseInputs, "copyOf" | "copying"> {
  if (!copyOf) return {};
  const run = copyOf.run.map((file) => ({ file, sql: readFileSync(dataPath(file), "utf8") }));
  return {
    copyOf: { database: copyOf.database, run, role: copyOf.role },
    copying: { strategy: copyOf.strategy, declared: source !== undefined },
  };
}

/** One database: schemas, extensions, migrations, sets of partitions, tiered tables, vector indexes and privileges. */
export class Database extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];
  /** Vector indexes come last: jobs do not wait for their long builds. */
  public readonly indexes: pulumi.Resource[] = [];

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Database", name, {}, opts);
    const inServer = { parent: this, provider: args.postgres };
    const inDatabase = { parent: this, provider: args.pgwright };

    const database = new DatabaseResource(
      name,
      { name, owner: args.owner, connectionLimit: args.connectionLimit, ...copyInputs(args) },
      { ...inDatabase, dependsOn: args.after, protect: args.protect },
    );

    // Dropped with the database.
    const withDatabase = { ...inServer, deletedWith: database };

    // A schema is dropped only if it is empty; Access empties it if dropSchemas has it.
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
    // Prevents that objects of extensions get the default privileges that Access sets.
    const privileges = new Library(
      `${name}-privileges`,
      { database: name, library: "privileges" },
      { ...inDatabase, deletedWith: database, dependsOn: [database] },
    );
    const extensions = Object.entries(declared).map(
      ([extension, { schema, version }]) =>
        new postgresql.Extension(
          `${name}.${extension}`,
          { name: extension, database: database.name, schema: schema ?? "public", version },
          { ...withDatabase, dependsOn: [...schemas, privileges] },
        ),
    );
    this.ready.push(database, privileges, ...schemas, ...extensions);

    const { role, searchPath, target, baseline } = args.migrations ?? {};
    const { files, applied } = migrationsOf(args);
    const access = declaredAccess(name, args);
    if (args.migrations) {
      const copyOf = args.copyOf && { database: args.copyOf.database, applied: migrationsOf(args.source).applied };
      this.ready.push(
        new Migrations(
          name,
          { database: name, role: role ?? args.owner, searchPath, files, target, baseline, access, copyOf },
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
    // After all resources that create objects, since grants may name these.
    const final = { ...access, dropSchemas: args.dropSchemas, migrations: versionsOf(Object.keys(applied)) };
    this.ready.push(new Access(name, final, { ...inDatabase, deletedWith: database, dependsOn: [...this.ready] }));
    // After the privileges: a build takes long, and the measured recall may be too low, which fails the update.
    if (args.vectors) {
      const inside = { parent: this, deletedWith: database, dependsOn: [...this.ready] };
      this.indexes.push(
        ...new Vectors(name, { ...args.vectors, database: name, pgwright: args.pgwright }, inside).ready,
      );
    }
    this.registerOutputs({});
  }
}
