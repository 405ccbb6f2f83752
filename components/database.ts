import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { readFileSync } from "node:fs";
import { dataPath } from "../config/data-file";
import { tierOwner } from "../config/jobs";
import type { DatabaseConfig } from "../config/databases";
import type { RoleConfig } from "../config/roles";
import type { TieredTableConfig } from "../config/tiers";
import { Access, Database as DatabaseResource, Library, Migrations, type Provider } from "../provider/resources";
import type { DatabaseInputs } from "../provider/kinds/database";
import { wantedMigrations } from "../provider/kinds/migrations/file";
import { versionsOf } from "../provider/kinds/migrations/file-name";
import { readMigrations } from "../sql/read";
import { wantedAccess } from "./access";
import { Partitions } from "./partitions";
import { Tiers } from "./tiers";
import { Vectors } from "./vectors";

export interface DatabaseArgs extends DatabaseConfig {
  roles: Record<string, RoleConfig>;
  /** What the database waits for: the roles that it names, and all of the database that it is a copy of. */
  after: pulumi.Resource[];
  /** The database that it is a copy of, if the stack declares that. */
  source?: DatabaseConfig;
  /** Is this the database that holds pg_cron? */
  holdsCron: boolean;
  pgwright: Provider;
  postgres: postgresql.Provider;
  protect: boolean;
}

/** The migration files of a database, and the hashes of those that should be applied. */
function migrationsOf(config: DatabaseConfig | undefined) {
  const files = config?.migrations ? readMigrations(dataPath(config.migrations.folder)) : {};
  return { files, applied: wantedMigrations(files, config?.migrations?.target) };
}

/** What the resource of a database gets of its being a copy. */
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
  /** Comes last, and takes its time: jobs do not wait for it. */
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
    // Keeps the default privileges that Access sets from the objects of extensions.
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
    const access = wantedAccess(name, args, versionsOf(Object.keys(applied)));
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
    // After what makes objects: grants may name them.
    this.ready.push(new Access(name, access, { ...inDatabase, deletedWith: database, dependsOn: [...this.ready] }));
    // After privileges: a build takes its time, and what is measured may be too little.
    if (args.vectors) {
      const inside = { parent: this, deletedWith: database, dependsOn: [...this.ready] };
      this.indexes.push(
        ...new Vectors(name, { ...args.vectors, database: name, pgwright: args.pgwright }, inside).ready,
      );
    }
    this.registerOutputs({});
  }
}
