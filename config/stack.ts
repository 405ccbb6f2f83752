import { z } from "zod";

// The stack file: every key, its type and what it means. The JSON Schema for editors and the reference in docs/ are made
// from this file (npm run schema); what a key means is said here and nowhere else.

/** A PostgreSQL identifier: any text of up to 63 bytes; longer ones would be cut silently. */
const identifier = z
  .string()
  .min(1, "a name cannot be empty")
  .refine((name) => Buffer.byteLength(name) <= 63, "a name in PostgreSQL has at most 63 bytes")
  .refine((name) => !name.includes("\0"), "a name cannot hold a zero byte");

const size = z.string().regex(/^\d+(MB|GB|TB)$/, "write a whole number and MB, GB or TB, such as 512MB or 2GB");
const duration = z.string().regex(/^\d+(ms|s|min|h|d)$/, "write a whole number and ms, s, min, h or d, such as 30s or 5min");
const settingValue = z.union([z.string(), z.number(), z.boolean()]);
const names = (what: string) => z.array(identifier).describe(what);

export const imageSchema = z
  .strictObject({
    name: z.string().min(1).optional().describe("Use this image instead of building one; pin it by digest (name@sha256:...)."),
    base: z.string().min(1).optional().describe("What to build from: debian:trixie-slim (default) or an image such as pgvector/pgvector:pg17."),
    packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "not a Debian package name")).default([]).describe("More Debian packages in the image, such as postgresql-17-postgis-3."),
  })
  .refine((image) => !(image.name && (image.base || image.packages.length > 0)), {
    message: "name uses a ready image, base and packages build one: give one or the other",
    path: ["name"],
  });

export const serverSchema = z.strictObject({
  port: z.int().min(1).max(65535).default(5432).describe("Port on the Docker host."),
  address: z.ipv4().default("127.0.0.1").describe("Address on the Docker host that the port is published on. The default is reachable from that host alone."),
  memory: size.default("2GB").describe("Memory limit of the container. The tuned settings stay inside it."),
  cpus: z.int().min(1).max(1024).default(2).describe("CPUs that the settings are made for, and the container's CPU limit."),
  storage: z.enum(["hdd", "ssd", "san", "nvme"]).default("ssd").describe("What the data volume lies on."),
  workload: z.enum(["oltp", "web", "analytics", "mixed", "vector"]).default("mixed").describe("What the settings are made for."),
  connections: z.int().min(5).max(10_000).optional().describe("max_connections; derived from memory and workload if absent."),
  databaseSize: z.enum(["smaller", "similar", "larger"]).default("similar").describe("Size of the databases, compared with the memory."),
  settings: z.record(z.string(), settingValue).default({}).describe("Parameters of postgresql.conf that win over the tuned ones."),
  restartPolicy: z.enum(["allow", "forbid"]).default("allow").describe("May PostgreSQL be restarted for a parameter that needs it? With forbid the preview fails instead."),
  allowFrom: z.array(z.union([z.cidrv4(), z.cidrv6()])).default(["0.0.0.0/0", "::/0"]).describe("Networks that clients may come from (pg_hba.conf), as the server sees them."),
  cronDatabase: identifier.default("postgres").describe("The database that holds pg_cron; its jobs can run in any database."),
  passwordRotation: z.string().optional().describe("Another text than before makes up a new superuser password."),
});

export const roleSchema = z
  .strictObject({
    login: z.boolean().default(false).describe("May have sessions, as clients and cron jobs need. A password is made up unless pgwright:passwords gives one."),
    password: z.boolean().default(true).describe("Has a password. Without one it may run jobs, and nobody can connect as it over the network."),
    memberOf: names("Roles whose privileges this role has.").default([]),
    connectionLimit: z.int().min(-1).default(-1).describe("Most sessions at a time; -1: no limit."),
    validUntil: z.iso.datetime({ offset: true }).optional().describe("The password is refused from then on."),
    searchPath: names("Schemas that unqualified names are looked up in.").optional(),
    statementTimeout: duration.optional().describe("Longest run of a statement."),
    settings: z.record(z.string(), settingValue).default({}).describe("Parameters of this role's sessions, such as lock_timeout."),
    inherit: z.boolean().default(true).describe("Has the privileges of its roles without SET ROLE."),
    createDatabase: z.boolean().default(false),
    createRole: z.boolean().default(false),
    replication: z.boolean().default(false),
    bypassRowLevelSecurity: z.boolean().default(false),
    passwordRotation: z.string().optional().describe("Another text than before makes up a new password."),
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
  database: privilege(...PRIVILEGES.database).default([]).describe("On the database itself."),
  schemas: z
    .record(
      identifier,
      z.strictObject({
        schema: privilege(...PRIVILEGES.schema).default([]).describe("On the schema itself."),
        tables: tablePrivileges.default([]).describe("On all its tables and views, those to come included."),
        sequences: sequencePrivileges.default([]).describe("On all its sequences, those to come included."),
        functions: functionPrivileges.default([]).describe("On all its functions and procedures, those to come included."),
      }),
    )
    .default({})
    .describe("By schema."),
  tables: z.record(z.string(), tablePrivileges).default({}).describe("On single tables or views, by schema.name."),
  sequences: z.record(z.string(), sequencePrivileges).default({}).describe("On single sequences, by schema.name."),
  functions: z.record(z.string(), functionPrivileges).default({}).describe("On single functions, by schema.name(argument types)."),
  foreignDataWrappers: z.record(identifier, privilege("USAGE")).default({}).describe("On foreign data wrappers, by name."),
  foreignServers: z.record(identifier, privilege("USAGE")).default({}).describe("On foreign servers, by name."),
});

export const databaseSchema = z.strictObject({
  owner: identifier.describe("Role that owns the database; better one without login."),
  connectionLimit: z.int().min(-1).default(-1).describe("Most sessions at a time; -1: no limit."),
  schemas: z.record(identifier, z.strictObject({ owner: identifier.optional().describe("The database's owner if absent.") })).default({}),
  extensions: z
    .record(
      identifier,
      z.strictObject({
        schema: identifier.optional().describe("Schema of its objects; public if absent."),
        version: z.string().optional().describe("The one of the image if absent."),
      }),
    )
    .default({}),
  undeclared: z.enum(["revoke", "report"]).default("revoke").describe("What happens to privileges that no grant declares: revoked, or reported as a warning."),
  grants: z.record(identifier, grantSchema).default({}).describe("Privileges, by role; public is PUBLIC. What is not here, nobody but the owner has."),
  migrations: z
    .strictObject({
      folder: z.string().min(1).describe("Folder of SQL files, relative to the project."),
      role: identifier.optional().describe("Runs as this role; the database's owner if absent."),
      target: z.string().regex(/^\d+$/, "a version is digits").optional().describe("Newest version that should be applied; newer ones are undone by their down part. All if absent."),
    })
    .optional(),
  jobs: z
    .record(
      z.string().min(1),
      z.strictObject({
        schedule: z.string().describe("Five cron fields (UTC), @hourly and the like, or '30 seconds'."),
        command: z.string().min(1).describe("SQL that is run."),
        role: identifier.optional().describe("Runs as this role; the database's owner if absent."),
        active: z.boolean().default(true),
      }),
    )
    .default({})
    .describe("Cron jobs, by name; names are unique on a server."),
});

export const stackSchema = z.strictObject({
  engine: z.string().min(1).optional().describe("Docker engine, as DOCKER_HOST has it (ssh://user@host, tcp://...); the user's own if absent."),
  protect: z.boolean().default(false).describe("Refuse to destroy the stack or to replace its data."),
  image: imageSchema.prefault({}),
  server: serverSchema.prefault({}),
  roles: z.record(identifier, roleSchema).default({}).describe("Roles of the server, by name."),
  databases: z.record(identifier, databaseSchema).default({}).describe("Databases of the server, by name."),
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
