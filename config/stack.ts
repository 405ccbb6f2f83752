import { z } from "zod";
import type { Tuning } from "../tuning/tune";
import { backupSchema, restoreSchema } from "./backup";
import { databaseSchema } from "./databases";
import { ephemeralSchema } from "./ephemeral";
import { driftSchema, guardsSchema } from "./guards";
import { allowed, identifier, key, settingValue, text } from "./key";
import { roleSchema } from "./roles";

// The stack file: every key with its type, description and example. The JSON Schema for editors and the reference in docs/ are
// generated from this file (npx sucrase-node config/json-schema.ts), and error messages derive the allowed values from it.

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
          "A ready image, instead of building one; pin it by digest.",
          "registry.example.com/postgres@sha256:0123abcd",
        ),
      ),
    base: z
      .string()
      .min(1)
      .optional()
      .meta(
        key(
          "Base image of the build: an image of PostgreSQL 17 such as pgvector/pgvector:pg17; debian:trixie-slim if absent.",
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
      .meta(key("Additional Debian packages in the image.", ["postgresql-17-postgis-3"])),
  })
  .refine((image) => !(image.name && (image.base || image.packages.length > 0)), {
    message: "name uses a ready image, base and packages build one; write either name or base and packages",
    path: ["name"],
  });

export const serverSchema = z.strictObject({
  port: z.int().min(1).max(65535).default(5432).meta(key("Port on the Docker host.", 15432)),
  address: z
    .ipv4()
    .default("127.0.0.1")
    .meta({
      ...key(
        "Address of the Docker host on which the port is published. The default is reachable only from that host.",
        "0.0.0.0",
      ),
      ...allowed("an IPv4 address"),
    }),
  memory: size
    .default("2GB")
    .meta(key("Memory limit of the container; at least 512MB. The tuned settings stay within it.", "4GB")),
  cpus: z
    .int()
    .min(1)
    .max(1024)
    .default(2)
    .meta(key("CPU limit of the container, for which the settings are tuned.", 4)),
  storage: z.enum(["hdd", "ssd", "san", "nvme"]).default("ssd").meta(key("Storage of the data volume.", "nvme")),
  workload: z
    .enum(["oltp", "web", "analytics", "mixed", "vector"])
    .default("mixed")
    .meta(key("Workload for which the settings are tuned.", "web")),
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
        "Parameters of postgresql.conf that override the tuned ones: PostgreSQL's, those of the libraries in the image, and custom ones such as shop.setting, which accept any string.",
        { work_mem: "32MB", log_min_duration_statement: "250ms" },
      ),
    ),
  restartPolicy: z
    .enum(["allow", "forbid"])
    .default("allow")
    .meta(
      key(
        "Whether an update may restart PostgreSQL for a parameter that requires it. With forbid, the preview fails instead.",
        "forbid",
      ),
    ),
  allowFrom: z
    .array(network)
    .default(["0.0.0.0/0", "::/0"])
    .meta(key("Networks from which clients may connect (pg_hba.conf), as the server sees them.", ["10.0.0.0/8"])),
  cronDatabase: identifier
    .default("postgres")
    .meta(key("Database that holds pg_cron; its jobs can run in any database.", "shop")),
  adoptVolume: z
    .string()
    .min(1)
    .optional()
    .meta(
      key(
        "An existing data volume on the Docker engine that is not in this stack's state: the server continues with its data.",
        "pgwright-prod-data",
      ),
    ),
  passwordRotation: text.optional().meta(key("A changed value generates a new password of the superuser.", "autumn")),
});

export const stackSchema = z.strictObject({
  engine: z
    .string()
    .min(1)
    .optional()
    .meta(
      key(
        "Docker engine, in the form of DOCKER_HOST; the user's default engine if absent.",
        "ssh://deploy@db.example.com",
      ),
    ),
  protect: z.boolean().default(false).meta(key("Refuses to destroy the stack or to replace its data.", true)),
  guards: guardsSchema
    .prefault({})
    .meta(key("Hazards that make a preview fail, and exceptions.", { forbid: ["loss"] })),
  drift: driftSchema
    .prefault({})
    .meta(key("Differences that `npm run drift` ignores.", { ignore: ["Role pganalyze"] })),
  ephemeral: ephemeralSchema
    .optional()
    .meta(key("The stack has an expiry. `npm run ephemeral` writes this key.", { expires: "2026-11-25T18:00:00Z" })),
  image: imageSchema.prefault({}).meta(key("Image of the server.", { base: "pgvector/pgvector:pg17" })),
  server: serverSchema
    .prefault({})
    .meta(key("The server: its container, limits and settings.", { port: 15432, memory: "4GB", workload: "web" })),
  backup: backupSchema
    .optional()
    .meta(key("WAL archive and backups. None if absent.", { repositories: [{ retention: { days: 14 } }] })),
  restoreFrom: restoreSchema.optional().meta(
    key("Source of the server's data: a backup and a recovery target. The newest state if no target is given.", {
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

/** Passwords by role, secrets outside of stackSchema: `pulumi config set --secret --path pgwright:passwords.app`. */
export const passwordsSchema = z.record(identifier, z.string().regex(/^[^\0]+$/)).meta(
  key("Passwords of roles, including the superuser postgres; pgwright generates the others.", {
    app: { secure: "AAABAN..." },
  }),
);

const passphrase = (description: string) =>
  z
    .string()
    .min(20)
    .regex(/^[^\r\n\0]*$/)
    .meta({
      ...key(description, { secure: "AAABAN..." }),
      ...allowed("a string of at least 20 characters in one line"),
    });

/** Passphrases, secrets outside of stackSchema: `pulumi config set --secret pgwright:backupPassphrase`. */
export const secretsSchema = z.strictObject({
  backupPassphrase: passphrase("Passphrase that encrypts the backups; keep a copy outside of the stack."),
  restorePassphrase: passphrase("Passphrase of restoreFrom.repository."),
});

/** The parsed stack file, with all defaults. */
export type Stack = z.output<typeof stackSchema>;
/** The parsed stack file with the settings of its server, which the parser computes. */
export interface TunedStack extends Stack {
  tuning: Tuning;
}
/** The stack file before parsing. */
export type StackInput = z.input<typeof stackSchema>;
export type ServerConfig = Stack["server"];
export type ImageConfig = Stack["image"];
