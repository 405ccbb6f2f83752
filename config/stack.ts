import { z } from "zod";
import { backupSchema, restoreSchema } from "./backup";
import { databaseSchema } from "./databases";
import { ephemeralSchema } from "./ephemeral";
import { driftSchema, guardsSchema } from "./guards";
import { allowed, identifier, key, settingValue, text } from "./key";
import { roleSchema } from "./roles";

// The stack file: every key, its type, what it means and an example. The JSON Schema for editors, the reference in docs/
// and what error messages say is allowed are made from this file (npx sucrase-node config/json-schema.ts).

const size = z
  .string()
  .regex(/^[1-9]\d*(MB|GB|TB)$/)
  .meta(allowed("a whole number and MB, GB or TB, such as 512MB or 2GB"));
const network = z
  .union([z.cidrv4(), z.cidrv6()])
  .meta(allowed("a network with its prefix length, such as 10.0.0.0/8 or fd00::/8"));

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
      key(
        "Parameters of postgresql.conf that win over the tuned ones: PostgreSQL's, those of the libraries in the image, and custom ones such as shop.setting, which take any text.",
        { work_mem: "32MB", log_min_duration_statement: "250ms" },
      ),
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
  adoptVolume: z
    .string()
    .min(1)
    .optional()
    .meta(
      key(
        "A data volume that is on the Docker engine and that this stack's state has not made: the server goes on with its data.",
        "pgwright-prod-data",
      ),
    ),
  passwordRotation: text.optional().meta(key("Another text than before makes up a new superuser password.", "autumn")),
});

export const stackSchema = z.strictObject({
  engine: z
    .string()
    .min(1)
    .optional()
    .meta(key("Docker engine, as DOCKER_HOST has it; the user's own if absent.", "ssh://deploy@db.example.com")),
  protect: z.boolean().default(false).meta(key("Refuse to destroy the stack or to replace its data.", true)),
  guards: guardsSchema
    .prefault({})
    .meta(key("What no preview lets through, unless the stack file itself says so.", { forbid: ["loss"] })),
  drift: driftSchema.prefault({}).meta(key("What `npm run drift` leaves out.", { ignore: ["Role pganalyze"] })),
  ephemeral: ephemeralSchema
    .optional()
    .meta(key("The stack is not to be kept; `npm run ephemeral` writes this.", { expires: "2026-11-25T18:00:00Z" })),
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
export const passwordsSchema = z.record(identifier, z.string().regex(/^[^\0]+$/)).meta(
  key("Passwords of roles, the superuser postgres included; for the others one is made up.", {
    app: { secure: "AAABAN..." },
  }),
);

const passphrase = (description: string) =>
  z
    .string()
    .min(20)
    .regex(/^[^\r\n\0]*$/)
    .meta({ ...key(description, { secure: "AAABAN..." }), ...allowed("a text of at least 20 characters in one line") });

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
