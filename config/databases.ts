import { z } from "zod";
import { allowed, identifier, key, noLimit, text } from "./key";
import { partitionsSchema } from "./partitions";
import { tiersSchema } from "./tiers";
import { vectorsSchema } from "./vectors";

// Databases in the stack file: their content and privileges.

const privilege = (...allowed: [string, ...string[]]) => z.array(z.enum(allowed));

/** The privileges of PostgreSQL 17, by kind of object. Without ALL, as a preview lists each privilege. */
export const PRIVILEGES = {
  database: ["CONNECT", "CREATE", "TEMPORARY"],
  schema: ["USAGE", "CREATE"],
  table: ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"],
  sequence: ["USAGE", "SELECT", "UPDATE"],
  function: ["EXECUTE"],
} as const;

const tablePrivileges = privilege(...PRIVILEGES.table);
const sequencePrivileges = privilege(...PRIVILEGES.sequence);
const functionPrivileges = privilege(...PRIVILEGES.function);

export const grantSchema = z.strictObject({
  database: privilege(...PRIVILEGES.database)
    .default([])
    .meta(key("Privileges on the database.", ["CONNECT"])),
  schemas: z
    .record(
      identifier,
      z.strictObject({
        schema: privilege(...PRIVILEGES.schema)
          .default([])
          .meta(key("Privileges on the schema.", ["USAGE"])),
        tables: tablePrivileges
          .default([])
          .meta(
            key("Privileges on all tables and views of the schema, existing and future, except those of extensions.", [
              "SELECT",
              "INSERT",
            ]),
          ),
        sequences: sequencePrivileges
          .default([])
          .meta(key("Privileges on all sequences of the schema, existing and future.", ["USAGE"])),
        functions: functionPrivileges
          .default([])
          .meta(
            key(
              "Privileges on all functions and procedures of the schema, existing and future, except those of extensions.",
              ["EXECUTE"],
            ),
          ),
      }),
    )
    .default({})
    .meta(
      key("Privileges on schemas and their objects, by schema.", { shop: { schema: ["USAGE"], tables: ["SELECT"] } }),
    ),
  tables: z
    .record(z.string(), tablePrivileges)
    .default({})
    .meta(
      key(
        "Privileges on single tables or views, by schema.name; put a schema with a dot in its name in double quotes.",
        {
          "shop.carts": ["DELETE"],
        },
      ),
    ),
  sequences: z
    .record(z.string(), sequencePrivileges)
    .default({})
    .meta(key("Privileges on single sequences, by schema.name.", { "shop.carts_id_seq": ["USAGE"] })),
  functions: z
    .record(z.string(), functionPrivileges)
    .default({})
    .meta(
      key("Privileges on single functions, by schema.name(argument types).", { "shop.total(bigint)": ["EXECUTE"] }),
    ),
  foreignDataWrappers: z
    .record(identifier, privilege("USAGE"))
    .default({})
    .meta(key("Privileges on foreign data wrappers, by name.", { file_fdw: ["USAGE"] })),
  foreignServers: z
    .record(identifier, privilege("USAGE"))
    .default({})
    .meta(key("Privileges on foreign servers, by name.", { warehouse: ["USAGE"] })),
});

/** Databases that every server has. */
export const SYSTEM_DATABASES = ["postgres", "template0", "template1"];

const copySchema = z.strictObject({
  database: identifier.meta(key("Source database on the same server; it must have no sessions.", "shop_template")),
  run: z
    .array(z.string().min(1))
    .default([])
    .meta(
      key("SQL files, relative to the project, that run in the copy before clients can connect, as the role below.", [
        "sql/shop/mask.sql",
      ]),
    ),
  role: identifier
    .optional()
    .meta(
      key(
        "Role that runs the files, including triggers and functions of other owners. If absent: the owner of the source, or the owner of the copy if the owner of the source is a superuser.",
        "shop_owner",
      ),
    ),
  strategy: z
    .enum(["wal_log", "file_copy"])
    .default("wal_log")
    .meta(
      key(
        "wal_log writes the copy to the WAL, and so to the archive; file_copy copies files between two checkpoints, which is faster for many GB but not possible during a backup.",
        "file_copy",
      ),
    ),
});

export const databaseSchema = z.strictObject({
  owner: identifier.meta(key("Role that owns the database; preferably without login.", "shop_owner")),
  connectionLimit: z
    .int()
    .min(-1)
    .default(-1)
    .meta(key(`Maximum number of concurrent sessions; ${noLimit}.`, 100)),
  copyOf: copySchema.optional().meta(
    key(
      "Creates the database as a copy of another database, with all its content. An existing database is not changed.",
      {
        database: "shop_template",
        run: ["sql/shop/mask.sql"],
      },
    ),
  ),
  schemas: z
    .record(
      identifier,
      z.strictObject({
        owner: identifier
          .optional()
          .meta(key("Role that owns the schema; the database's owner if absent.", "shop_owner")),
      }),
    )
    .default({})
    .meta(
      key("Schemas, by name. public always exists, and CREATE in it requires a grant.", {
        shop: {},
        extensions: {},
      }),
    ),
  extensions: z
    .record(
      identifier,
      z.strictObject({
        schema: identifier.optional().meta(key("Schema of the extension's objects; public if absent.", "extensions")),
        version: text.optional().meta(key("Version of the extension; the image's version if absent.", "0.8.0")),
      }),
    )
    .default({})
    .meta(
      key(
        "Extensions, by name. Their objects have the privileges that the extension grants, and those of grants on single objects.",
        {
          vector: { schema: "extensions" },
        },
      ),
    ),
  dropSchemas: z
    .array(identifier)
    .default([])
    .meta(key("Schemas that pgwright may drop with all their objects, once they are not in schemas.", ["old_reports"])),
  undeclared: z
    .enum(["revoke", "report"])
    .default("revoke")
    .meta(key("Whether pgwright revokes undeclared privileges, or reports them as warnings.", "report")),
  grants: z
    .record(identifier, grantSchema)
    .default({})
    .meta(
      key("Privileges, by role; public is PUBLIC. Privileges that are not declared here belong to the owner only.", {
        readonly_role: { database: ["CONNECT"] },
      }),
    ),
  migrations: z
    .strictObject({
      folder: z.string().min(1).meta(key("Folder of SQL files, relative to the project.", "sql/shop")),
      role: identifier
        .optional()
        .meta(key("Role that runs the migrations; the database's owner if absent.", "shop_owner")),
      searchPath: z
        .array(identifier)
        .default([])
        .meta(key("search_path of the migrations. Empty if absent, so that each name needs its schema.", ["public"])),
      target: z
        .string()
        .regex(/^\d+$/)
        .optional()
        .meta({
          ...key("Newest version to apply; the down parts of newer versions are run. All if absent.", "20260101000100"),
          ...allowed('a version in quotes, such as "20260101000100"'),
        }),
      baseline: z
        .string()
        .regex(/^\d+$/)
        .optional()
        .meta({
          ...key(
            'Newest version that another tool applied before pgwright: in a database with tables and without a ledger of pgwright, files up to this version count as applied and are not run. "0": no file counts. If absent, the versions in a ledger of dbmate count, and a ledger of another tool is refused.',
            "20260101000100",
          ),
          ...allowed('a version in quotes, such as "20260101000100", or "0"'),
        }),
    })
    .optional()
    .meta(key("SQL files that are applied once each, in the order of their versions.", { folder: "sql/shop" })),
  partitions: partitionsSchema.optional().meta(
    key("Sets of partitions: partitions are created ahead of time, and expired by retention.", {
      sets: { "shop.orders": { interval: "1 month" } },
    }),
  ),
  tiers: tiersSchema.default({}).meta(
    key("Tiered tables, by schema.name: records with a time, sorted into larger and larger partitions.", {
      "geo.ships": {
        columns: [
          { name: "fid", type: "text" },
          { name: "dtg", type: "timestamptz" },
          { name: "geom", type: "geometry(Point,4326)" },
        ],
        id: "fid",
        time: "dtg",
        sortKey: { geometry: "geom" },
      },
    }),
  ),
  vectors: vectorsSchema.optional().meta(
    key("Vector indexes with a declared recall.", {
      indexes: { "rag.chunks_embedding_idx": { table: "rag.chunks", column: "embedding", distance: "cosine" } },
    }),
  ),
  jobs: z
    .record(
      z.string().min(1),
      z.strictObject({
        schedule: z.string().meta(key("Five cron fields (UTC), @hourly and the like, or '30 seconds'.", "15 3 * * *")),
        command: z
          .string()
          .min(1)
          .meta(
            key(
              "SQL to run, in one transaction. A statement that cannot run in a transaction block, such as VACUUM, must stand alone.",
              "CALL shop.forget_old_carts()",
            ),
          ),
        role: identifier
          .optional()
          .meta(key("Role that runs the job, which needs login: true; the database's owner if absent.", "shop_keeper")),
        active: z
          .boolean()
          .default(true)
          .meta(key("The job runs on its schedule. false keeps the job and its id, but never runs it.", false)),
      }),
    )
    .default({})
    .meta(
      key("Cron jobs, by name; names are unique on a server.", {
        "forget-old-carts": { schedule: "15 3 * * *", command: "CALL shop.forget_old_carts()", role: "shop_keeper" },
      }),
    ),
});

export type DatabaseConfig = z.output<typeof databaseSchema>;
export type GrantConfig = z.output<typeof grantSchema>;

/** The source of a database that is declared as a copy, as a list of one; empty for others. */
export function sourceOf(databases: Record<string, DatabaseConfig>, name: string): string[] {
  const source = databases[name]?.copyOf?.database;
  return source === undefined ? [] : [source];
}
