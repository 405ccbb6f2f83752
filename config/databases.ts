import { z } from "zod";
import { allowed, identifier, key, noLimit, text } from "./key";
import { partitionsSchema } from "./partitions";
import { tiersSchema } from "./tiers";
import { vectorsSchema } from "./vectors";

// Databases in the stack file: what is in them, and who may do what with it.

const privilege = (...allowed: [string, ...string[]]) => z.array(z.enum(allowed));

/** The privileges that PostgreSQL 17 knows, by kind of object. ALL is not among them: a preview shows what is given. */
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
    .meta(key("On the database itself.", ["CONNECT"])),
  schemas: z
    .record(
      identifier,
      z.strictObject({
        schema: privilege(...PRIVILEGES.schema)
          .default([])
          .meta(key("On the schema itself.", ["USAGE"])),
        tables: tablePrivileges
          .default([])
          .meta(
            key("On all its tables and views, those to come included; not on those of extensions.", [
              "SELECT",
              "INSERT",
            ]),
          ),
        sequences: sequencePrivileges.default([]).meta(key("On all its sequences, those to come included.", ["USAGE"])),
        functions: functionPrivileges
          .default([])
          .meta(
            key("On all its functions and procedures, those to come included; not on those of extensions.", [
              "EXECUTE",
            ]),
          ),
      }),
    )
    .default({})
    .meta(key("On schemas and what they hold, by schema.", { shop: { schema: ["USAGE"], tables: ["SELECT"] } })),
  tables: z
    .record(z.string(), tablePrivileges)
    .default({})
    .meta(
      key("On single tables or views, by schema.name; a schema with a dot in its name is put in double quotes.", {
        "shop.carts": ["DELETE"],
      }),
    ),
  sequences: z
    .record(z.string(), sequencePrivileges)
    .default({})
    .meta(key("On single sequences, by schema.name.", { "shop.carts_id_seq": ["USAGE"] })),
  functions: z
    .record(z.string(), functionPrivileges)
    .default({})
    .meta(key("On single functions, by schema.name(argument types).", { "shop.total(bigint)": ["EXECUTE"] })),
  foreignDataWrappers: z
    .record(identifier, privilege("USAGE"))
    .default({})
    .meta(key("On foreign data wrappers, by name.", { file_fdw: ["USAGE"] })),
  foreignServers: z
    .record(identifier, privilege("USAGE"))
    .default({})
    .meta(key("On foreign servers, by name.", { warehouse: ["USAGE"] })),
});

/** Databases that every server has. */
export const SYSTEM_DATABASES = ["postgres", "template0", "template1"];

const copySchema = z.strictObject({
  database: identifier.meta(key("Database of the same server; nobody may be connected to it.", "shop_template")),
  run: z
    .array(z.string().min(1))
    .default([])
    .meta(
      key(
        "SQL files, relative to the project, that are run in the copy before anybody else can connect, as the role below.",
        ["sql/shop/mask.sql"],
      ),
    ),
  role: identifier
    .optional()
    .meta(
      key(
        "Role that the files run as; if absent the owner of the source, whose the data is, or the owner of the copy where that is a superuser. Triggers and functions of all owners run as this role.",
        "shop_owner",
      ),
    ),
  strategy: z
    .enum(["wal_log", "file_copy"])
    .default("wal_log")
    .meta(
      key(
        "wal_log writes the copy into the WAL, and so into the archive; file_copy copies files between two checkpoints, which is faster for many GB, and not while a backup is made.",
        "file_copy",
      ),
    ),
});

export const databaseSchema = z.strictObject({
  owner: identifier.meta(key("Role that owns the database; better one without login.", "shop_owner")),
  connectionLimit: z
    .int()
    .min(-1)
    .default(-1)
    .meta(key(`Most sessions at a time; ${noLimit}.`, 100)),
  copyOf: copySchema.optional().meta(
    key("Made as a copy of another database, with all that is in it. One that is there already stays as it is.", {
      database: "shop_template",
      run: ["sql/shop/mask.sql"],
    }),
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
      key("Schemas, by name. public is there anyway, and nobody may create in it unless granted.", {
        shop: {},
        extensions: {},
      }),
    ),
  extensions: z
    .record(
      identifier,
      z.strictObject({
        schema: identifier.optional().meta(key("Schema of its objects; public if absent.", "extensions")),
        version: text.optional().meta(key("The one of the image if absent.", "0.8.0")),
      }),
    )
    .default({})
    .meta(
      key(
        "Extensions, by name. Their objects have the privileges that the extension gives, and those of grants on single objects.",
        {
          vector: { schema: "extensions" },
        },
      ),
    ),
  dropSchemas: z
    .array(identifier)
    .default([])
    .meta(key("Schemas that may be dropped with all that they hold, once they are not in schemas.", ["old_reports"])),
  undeclared: z
    .enum(["revoke", "report"])
    .default("revoke")
    .meta(key("What happens to privileges that no grant declares: revoked, or reported as a warning.", "report")),
  grants: z
    .record(identifier, grantSchema)
    .default({})
    .meta(
      key("Privileges, by role; public is PUBLIC. What is not here, nobody but the owner has.", {
        readonly_role: { database: ["CONNECT"] },
      }),
    ),
  migrations: z
    .strictObject({
      folder: z.string().min(1).meta(key("Folder of SQL files, relative to the project.", "sql/shop")),
      role: identifier.optional().meta(key("Runs as this role; the database's owner if absent.", "shop_owner")),
      searchPath: z
        .array(identifier)
        .default([])
        .meta(
          key(
            "Schemas, in this order, that names without a schema are looked up in and made in; none if absent, so that each name has to have its schema.",
            ["public"],
          ),
        ),
      target: z
        .string()
        .regex(/^\d+$/)
        .optional()
        .meta({
          ...key(
            "Newest version that should be applied; newer ones are undone by their down part. All if absent.",
            "20260101000100",
          ),
          ...allowed('a version in quotes, such as "20260101000100"'),
        }),
      baseline: z
        .string()
        .regex(/^\d+$/)
        .optional()
        .meta({
          ...key(
            'Newest version that another tool had applied before pgwright: in a database with tables and without a ledger of pgwright, files up to it count as applied, and are not run. "0": none counts. If absent, the versions in a ledger of dbmate count, and that of another tool is refused.',
            "20260101000100",
          ),
          ...allowed('a version in quotes, such as "20260101000100", or "0"'),
        }),
    })
    .optional()
    .meta(key("SQL files that are applied once each, in order.", { folder: "sql/shop" })),
  partitions: partitionsSchema
    .optional()
    .meta(
      key("Sets of partitions that keep themselves up to date.", { sets: { "shop.orders": { interval: "1 month" } } }),
    ),
  tiers: tiersSchema.default({}).meta(
    key("Tiered feature tables, by schema.name: records with a time, sorted into larger and larger partitions.", {
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
              "SQL that is run, its statements in one transaction: VACUUM and others that cannot be part of one stand alone.",
              "CALL shop.forget_old_carts()",
            ),
          ),
        role: identifier
          .optional()
          .meta(key("Runs as this role, which needs login; the database's owner if absent.", "shop_keeper")),
        active: z
          .boolean()
          .default(true)
          .meta(key("Runs by its schedule. false keeps the job and its id, and never runs it.", false)),
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

/** The database that one of them is a copy of, if it is. */
export function sourceOf(databases: Record<string, DatabaseConfig>, name: string): string[] {
  const source = databases[name]?.copyOf?.database;
  return source === undefined ? [] : [source];
}
