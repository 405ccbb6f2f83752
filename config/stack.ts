import { z } from "zod";
import { backupSchema, restoreSchema } from "./backup";
import { allowed, identifier, key } from "./key";
import { partitionsSchema } from "./partitions";
import { tiersSchema } from "./tiers";

// The stack file: every key, its type, what it means and an example. The JSON Schema for editors, the reference in docs/
// and what error messages say is allowed are made from this file (npx sucrase-node config/json-schema.ts).

const text = z.string().meta(allowed("a text; in quotes if it looks like a number or a date"));
const size = z
  .string()
  .regex(/^[1-9]\d*(MB|GB|TB)$/)
  .meta(allowed("a whole number and MB, GB or TB, such as 512MB or 2GB"));
const duration = z
  .string()
  .regex(/^\d+(ms|s|min|h|d)$/)
  .meta(allowed("a whole number and ms, s, min, h or d, such as 30s or 5min"));
const settingValue = z.union([z.string(), z.number(), z.boolean()]).meta(allowed("a text, a number, true or false"));
const network = z
  .union([z.cidrv4(), z.cidrv6()])
  .meta(allowed("a network with its prefix length, such as 10.0.0.0/8 or fd00::/8"));
const none = "-1: no limit";

export const imageSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .optional()
      .meta(
        key(
          "Use this image instead of building one; pin it by digest.",
          "registry.example.com/postgres@sha256:0123abcd",
        ),
      ),
    base: z
      .string()
      .min(1)
      .optional()
      .meta(
        key(
          "What to build from: debian:trixie-slim if absent, or an image of PostgreSQL 17 such as pgvector/pgvector:pg17.",
          "pgvector/pgvector:pg17",
        ),
      ),
    packages: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9+.-]+$/)
          .meta(allowed("the name of a Debian package, such as postgresql-17-postgis-3")),
      )
      .default([])
      .meta(key("More Debian packages in the image.", ["postgresql-17-postgis-3"])),
  })
  .refine((image) => !(image.name && (image.base || image.packages.length > 0)), {
    message: "name uses a ready image, base and packages build one: give one or the other",
    path: ["name"],
  });

export const serverSchema = z.strictObject({
  port: z.int().min(1).max(65535).default(5432).meta(key("Port on the Docker host.", 15432)),
  address: z
    .ipv4()
    .default("127.0.0.1")
    .meta({
      ...key(
        "Address on the Docker host that the port is published on. The default is reachable from that host alone.",
        "0.0.0.0",
      ),
      ...allowed("an IPv4 address"),
    }),
  memory: size
    .default("2GB")
    .meta(key("Memory limit of the container; 512MB at least. The tuned settings stay inside it.", "4GB")),
  cpus: z
    .int()
    .min(1)
    .max(1024)
    .default(2)
    .meta(key("CPUs that the settings are made for, and the container's CPU limit.", 4)),
  storage: z.enum(["hdd", "ssd", "san", "nvme"]).default("ssd").meta(key("What the data volume lies on.", "nvme")),
  workload: z
    .enum(["oltp", "web", "analytics", "mixed", "vector"])
    .default("mixed")
    .meta(key("What the settings are made for.", "web")),
  connections: z
    .int()
    .min(5)
    .max(10_000)
    .optional()
    .meta(key("max_connections; derived from memory and workload if absent.", 200)),
  databaseSize: z
    .enum(["smaller", "similar", "larger"])
    .default("similar")
    .meta(key("Size of the databases, compared with the memory.", "larger")),
  settings: z
    .record(z.string(), settingValue)
    .default({})
    .meta(
      key("Parameters of postgresql.conf that win over the tuned ones.", {
        work_mem: "32MB",
        log_min_duration_statement: "250ms",
      }),
    ),
  restartPolicy: z
    .enum(["allow", "forbid"])
    .default("allow")
    .meta(
      key(
        "May PostgreSQL be restarted for a parameter that needs it? With forbid the preview fails instead.",
        "forbid",
      ),
    ),
  allowFrom: z
    .array(network)
    .default(["0.0.0.0/0", "::/0"])
    .meta(key("Networks that clients may come from (pg_hba.conf), as the server sees them.", ["10.0.0.0/8"])),
  cronDatabase: identifier
    .default("postgres")
    .meta(key("The database that holds pg_cron; its jobs can run in any database.", "shop")),
  passwordRotation: text.optional().meta(key("Another text than before makes up a new superuser password.", "autumn")),
});

export const roleSchema = z
  .strictObject({
    login: z
      .boolean()
      .default(false)
      .meta(
        key(
          "May have sessions, as clients and cron jobs need. A password is made up unless pgwright:passwords gives one.",
          true,
        ),
      ),
    password: z
      .boolean()
      .default(true)
      .meta(key("Has a password. Without one it may run jobs, and nobody can connect as it over the network.", false)),
    memberOf: z
      .array(identifier)
      .default([])
      .meta(key("Roles whose privileges this role has.", ["readonly_role", "pg_monitor"])),
    connectionLimit: z
      .int()
      .min(-1)
      .default(-1)
      .meta(key(`Most sessions at a time; ${none}.`, 20)),
    validUntil: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({
        ...key("The password is refused from then on.", "2030-01-01T00:00:00Z"),
        ...allowed('a time with its offset, in quotes, such as "2030-01-01T00:00:00Z"'),
      }),
    searchPath: z
      .array(identifier)
      .optional()
      .meta(key("Schemas that unqualified names are looked up in.", ["shop", "extensions"])),
    statementTimeout: duration.optional().meta(key("Longest run of a statement.", "30s")),
    settings: z
      .record(z.string(), settingValue)
      .default({})
      .meta(key("Parameters of this role's sessions.", { lock_timeout: "5s" })),
    inherit: z.boolean().default(true).meta(key("Has the privileges of its roles without SET ROLE.", false)),
    createDatabase: z.boolean().default(false).meta(key("May make databases (CREATEDB).", true)),
    createRole: z.boolean().default(false).meta(key("May make roles (CREATEROLE).", true)),
    replication: z
      .boolean()
      .default(false)
      .meta(key("May stream the WAL and make replication slots (REPLICATION).", true)),
    bypassRowLevelSecurity: z
      .boolean()
      .default(false)
      .meta(key("Row-level security does not hold for it (BYPASSRLS).", true)),
    passwordRotation: text.optional().meta(key("Another text than before makes up a new password.", "autumn")),
  })
  .refine((role) => !("search_path" in role.settings) && !("statement_timeout" in role.settings), {
    message: "search_path and statement_timeout have keys of their own: searchPath and statementTimeout",
    path: ["settings"],
  });

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
          .meta(key("On all its tables and views, those to come included.", ["SELECT", "INSERT"])),
        sequences: sequencePrivileges.default([]).meta(key("On all its sequences, those to come included.", ["USAGE"])),
        functions: functionPrivileges
          .default([])
          .meta(key("On all its functions and procedures, those to come included.", ["EXECUTE"])),
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

export const databaseSchema = z.strictObject({
  owner: identifier.meta(key("Role that owns the database; better one without login.", "shop_owner")),
  connectionLimit: z
    .int()
    .min(-1)
    .default(-1)
    .meta(key(`Most sessions at a time; ${none}.`, 100)),
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
    .meta(key("Extensions, by name.", { vector: { schema: "extensions" } })),
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
  jobs: z
    .record(
      z.string().min(1),
      z.strictObject({
        schedule: z.string().meta(key("Five cron fields (UTC), @hourly and the like, or '30 seconds'.", "15 3 * * *")),
        command: z.string().min(1).meta(key("SQL that is run.", "CALL shop.forget_old_carts()")),
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

export const stackSchema = z.strictObject({
  engine: z
    .string()
    .min(1)
    .optional()
    .meta(key("Docker engine, as DOCKER_HOST has it; the user's own if absent.", "ssh://deploy@db.example.com")),
  protect: z.boolean().default(false).meta(key("Refuse to destroy the stack or to replace its data.", true)),
  image: imageSchema.prefault({}).meta(key("The image that the server runs.", { base: "pgvector/pgvector:pg17" })),
  server: serverSchema
    .prefault({})
    .meta(key("The server: its container, limits and settings.", { port: 15432, memory: "4GB", workload: "web" })),
  backup: backupSchema
    .optional()
    .meta(key("WAL archive and backups. Without it there are none.", { repositories: [{ retention: { days: 14 } }] })),
  restoreFrom: restoreSchema.optional().meta(
    key("The server's data comes from a backup, as it was at a target; the newest there is if none is given.", {
      server: "pgwright-prod",
      repository: { volume: "pgwright-prod-backup" },
      time: "2026-11-25 01:07:05+00",
    }),
  ),
  roles: z
    .record(identifier, roleSchema)
    .default({})
    .meta(key("Roles of the server, by name.", { app: { login: true } })),
  databases: z
    .record(identifier, databaseSchema)
    .default({})
    .meta(key("Databases of the server, by name.", { shop: { owner: "shop_owner" } })),
});

/** Passwords by role, beside the rest because they are secrets: `pulumi config set --secret --path pgwright:passwords.app`. */
export const passwordsSchema = z.record(identifier, z.string().min(1)).meta(
  key("Passwords of roles, the superuser postgres included; for the others one is made up.", {
    app: { secure: "AAABAN..." },
  }),
);

const passphrase = (description: string) =>
  z
    .string()
    .min(20)
    .meta({ ...key(description, { secure: "AAABAN..." }), ...allowed("a text of at least 20 characters") });

/** Texts that are secrets beside the rest: `pulumi config set --secret pgwright:backupPassphrase`. */
export const secretsSchema = z.strictObject({
  backupPassphrase: passphrase("Passphrase that the backups are encrypted with; keep it where the stack is not."),
  restorePassphrase: passphrase("Passphrase of the repository that restoreFrom names."),
});

/** The stack file, parsed: every default filled in. */
export type Stack = z.output<typeof stackSchema>;
/** The stack file as somebody writes it. */
export type StackInput = z.input<typeof stackSchema>;
export type ServerConfig = Stack["server"];
export type ImageConfig = Stack["image"];
export type RoleConfig = Stack["roles"][string];
export type DatabaseConfig = Stack["databases"][string];
export type GrantConfig = DatabaseConfig["grants"][string];
