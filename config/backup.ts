import { z } from "zod";
import { allowed, identifier, key, objectName } from "./key";
import { endpointOf, s3Schema, type S3Config } from "./s3";

// Backups in the stack file: repositories, retention and schedules.

const duration = z
  .string()
  .regex(/^[1-9]\d*(s|min|h)$/)
  .meta(allowed("a whole number and s, min or h, such as 60s or 5min"));
const size = z
  .string()
  .regex(/^[1-9]\d*(MB|GB|TB)$/)
  .meta(allowed("a whole number and MB, GB or TB, such as 8GB"));
const schedule = z.string().min(1);

const retentionSchema = z
  .strictObject({
    full: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta(key("Number of full backups to keep, with the backups that depend on them.", 4)),
    days: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta(key("Days that full backups are kept. The newest backup that is older is kept too.", 30)),
    differential: z.int().min(1).max(10_000).optional().meta(key("Number of differential backups to keep.", 7)),
    wal: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta(
        key(
          "Number of newest full backups whose WAL is kept; an older backup can be restored only to its own end. WAL of all backups is kept if absent.",
          2,
        ),
      ),
  })
  .refine(({ full, days }) => full === undefined || days === undefined, "write either full or days");

const localLocations = {
  volume: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)
    .optional()
    .meta({
      ...key("An existing volume of the Docker engine.", "backups"),
      ...allowed("the name of a Docker volume"),
    }),
  path: z
    .string()
    .regex(/^\/[^:]+$/)
    .optional()
    .meta({
      ...key(
        "A folder of the Docker host, such as a mounted disk; user 999 must be able to read and write it.",
        "/mnt/backups",
      ),
      ...allowed("an absolute path"),
    }),
};
const repositoryLocations = {
  ...localLocations,
  s3: s3Schema
    .optional()
    .meta(key("A bucket of an S3-compatible object store.", { bucket: "shop-backups", region: "eu-central-1" })),
};
type Location = { volume?: string; path?: string; s3?: S3Config };
const countLocations = ({ volume, path, s3 }: Location) =>
  [volume, path, s3].filter((each) => each !== undefined).length;

const repositorySchema = z
  .strictObject({
    ...repositoryLocations,
    retention: retentionSchema.prefault({}).meta(
      key("Retention of backups and WAL; two full backups if neither full nor days is given.", {
        full: 4,
        differential: 7,
      }),
    ),
  })
  .refine(
    (location) => countLocations(location) <= 1,
    "write at most one of volume, path and s3; without any of them the stack creates a volume",
  );

const roleOfCode = identifier
  .optional()
  .meta(
    key(
      "Role that runs it, and all code of the tables that it uses; the owner of the database if absent.",
      "shop_owner",
    ),
  );

const checks = (description: string) =>
  z
    .array(
      z.strictObject({
        database: identifier.meta(key("Database in which the query runs.", "shop")),
        query: z
          .string()
          .min(1)
          .meta(key("Query that must return a single value, true.", "SELECT count(*) > 0 FROM shop.orders")),
        role: roleOfCode,
      }),
    )
    .default([])
    .meta(key(description, [{ database: "shop", query: "SELECT count(*) > 0 FROM shop.orders" }]));

const drillSchema = z.strictObject({
  schedule: schedule
    .default("20 4 * * *")
    .meta(key("When a drill restores the newest backup, in a separate container without a network.", "20 4 * * *")),
  maxAge: z
    .string()
    .regex(/^[1-9]\d*(h|d)$/)
    .meta(allowed("a whole number and h or d, such as 36h or 7d"))
    .optional()
    .meta(key("Maximum age of the last successful drill; the preview fails if it is older.", "7d")),
  amcheck: z
    .boolean()
    .default(true)
    .meta(key("Checks every table and btree index of the restored copy with amcheck, which reads all of it.", false)),
  tables: z
    .record(identifier, z.array(objectName))
    .default({})
    .meta(
      key(
        "Tables, by database, whose number of rows in the restored copy must equal that at the drill's restore point.",
        {
          shop: ["shop.orders"],
        },
      ),
    ),
  recall: z
    .record(identifier, z.record(objectName, z.number().min(0.01).max(1)))
    .default({})
    .meta(
      key(
        "Vector indexes, by database and schema.name, with the recall that each must reach in the restored copy: the share of the ten true neighbours, over 20 of its rows.",
        { shop: { "shop.chunks_embedding_idx": 0.95 } },
      ),
    ),
  checks: checks("Further checks of the restored copy."),
  memory: size.default("1GB").meta(key("Memory limit of the drill's container.", "2GB")),
});

const dumpsSchema = z.strictObject({
  ...localLocations,
  schedule: schedule.default("50 2 * * *").meta(key("When pg_dump dumps the databases.", "50 2 * * *")),
  keep: z.int().min(1).max(1000).default(7).meta(key("Number of dumps to keep.", 7)),
  databases: z
    .record(
      identifier,
      z.strictObject({
        schemas: z
          .array(identifier)
          .default([])
          .meta(key("Schemas to dump; all if empty.", ["shop"])),
      }),
    )
    .default({})
    .meta(key("Databases to dump; all if empty.", { shop: { schemas: ["shop"] } })),
});

export const backupSchema = z.strictObject({
  repositories: z
    .array(repositorySchema)
    .min(1)
    .max(4)
    .prefault([{}])
    .meta(
      key(
        "Repositories for WAL and backups; each holds all of them. A restore uses the first repository that has what it needs.",
        [{ retention: { days: 14 } }, { path: "/mnt/backups" }],
      ),
    ),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/)
    .optional()
    .meta({
      ...key("Name of this server in the repositories (pgBackRest's stanza); the container's if absent.", "shop-2026"),
      ...allowed("letters, digits, -, _ and ., at most 63"),
    }),
  full: schedule.default("10 1 * * 0").meta(key("When full backups are made (five cron fields, UTC).", "10 1 * * 0")),
  differential: schedule
    .nullable()
    .default("10 1 * * 1-6")
    .meta(
      key("When differential backups are made: the changes since the last full backup. null: never.", "10 1 * * 1-6"),
    ),
  incremental: schedule
    .nullable()
    .default(null)
    .meta(
      key("When incremental backups are made: the changes since the previous backup. null: never.", "10 */6 * * *"),
    ),
  verify: schedule
    .nullable()
    .default("40 3 * * 6")
    .meta(key("When every file in the repositories is verified against its checksum. null: never.", "40 3 * * 6")),
  drill: drillSchema
    .optional()
    .meta(key("Scheduled restores that test the backups (drills). None if absent.", { maxAge: "7d" })),
  dumps: dumpsSchema
    .optional()
    .meta(key("Logical dumps beside the backups, to move data to another server. None if absent.", { keep: 7 })),
  archiveTimeout: duration
    .default("60s")
    .meta(
      key(
        "Maximum time until WAL is archived (archive_timeout). If the data volume is lost, the changes of this time are lost.",
        "5min",
      ),
    ),
  mostWaiting: size
    .default("16GB")
    .meta(
      key(
        "Maximum size of the WAL that waits on the data volume for archiving. Beyond it, pgBackRest drops the waiting WAL so that the server keeps running; `npm run status` reports the gap, until the next backup starts a new range.",
        "64GB",
      ),
    ),
  compression: z
    .enum(["zst", "lz4", "gz", "none"])
    .default("zst")
    .meta(key("Compression of the files in the repositories.", "lz4")),
  processes: z.int().min(1).max(64).default(2).meta(key("Processes that a backup or a restore uses.", 4)),
  memory: size.default("512MB").meta(key("Memory limit of the agent, the container that makes the backups.", "1GB")),
  encrypted: z
    .boolean()
    .default(false)
    .meta(key("Encrypts the repositories with the secret pgwright:backupPassphrase. Cannot be changed later.", true)),
  keep: z
    .boolean()
    .default(false)
    .meta(key("Keeps the volumes of the repositories when the stack is destroyed, for a later restore.", true)),
});

/** Location of a repository, to compare repositories; undefined if the stack creates a volume for it. */
export function locationOf({ volume, path, s3 }: Location): string | undefined {
  return volume ?? path ?? (s3 && `s3://${endpointOf(s3)}/${s3.bucket}/${s3.folder ?? ""}`);
}

export type BackupConfig = z.output<typeof backupSchema>;
export type RepositoryConfig = BackupConfig["repositories"][number];

const pointInTime = z
  .string()
  // The offset is required, as the stack file shows no time zone that would apply without it.
  .regex(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d)?)$/)
  .refine(
    (time) => !Number.isNaN(Date.parse(time.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"))),
    "there is no such time",
  )
  .meta(allowed('a time with its offset, in quotes, such as "2026-11-25 01:07:05+00"'));

export const restoreSchema = z
  .strictObject({
    server: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/)
      .optional()
      .meta({
        ...key(
          "Name of the server in the repository (its backup.name, or its container); that of this server if absent.",
          "pgwright-prod",
        ),
        ...allowed("letters, digits, -, _ and ."),
      }),
    repository: z
      .strictObject({
        ...repositoryLocations,
        encrypted: z
          .boolean()
          .default(false)
          .meta(key("The repository is encrypted with the secret pgwright:restorePassphrase.", true)),
      })
      .refine((location) => countLocations(location) === 1, "write one of volume, path and s3")
      .optional()
      .meta(
        key("Repository that holds the backups; this server's own repositories if absent.", {
          volume: "pgwright-prod-backup",
        }),
      ),
    running: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)
      .optional()
      .meta({
        ...key("Container of a running server on the same Docker engine; its current data is copied.", "pgwright-prod"),
        ...allowed("the name of a container"),
      }),
    time: pointInTime.optional().meta(key("Recover to this time.", "2026-11-25 01:07:05+00")),
    name: z
      .string()
      .max(63)
      // pgBackRest writes it into a configuration file as it is.
      .regex(/^[^'\\\r\n\0]+$/)
      .optional()
      .meta({
        ...key("Recover to this restore point.", "before-20261125010000"),
        ...allowed("a name of 1 to 63 characters in one line, without quotes and backslashes"),
      }),
    lsn: z
      .string()
      .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
      .optional()
      .meta({ ...key("Recover to this position of the WAL.", "0/3000060"), ...allowed("an LSN such as 0/3000060") }),
    backup: z
      .string()
      .regex(/^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/)
      .optional()
      .meta({
        ...key("Restore from this backup; without time, name and lsn, recover to its end.", "20261125-010704F"),
        ...allowed("the label of a backup, such as 20261125-010704F"),
      }),
    timeline: z
      .int()
      .min(1)
      .max(0x7fffffff)
      .optional()
      .meta(key("Recover along this timeline; each restore begins a new one. The newest if absent.", 2)),
    inPlace: z
      .boolean()
      .default(false)
      .meta(
        key(
          "The stack has data already: the restored data is placed beside it, checked, and replaces it. The old volume is kept while restoreFrom is declared.",
          true,
        ),
      ),
    replace: z
      .string()
      .min(1)
      .optional()
      .meta(
        key(
          "An existing data volume on the Docker engine that is not in this stack's state: the restored data replaces its data. The volume is kept until restoreFrom is removed.",
          "pgwright-prod-data",
        ),
      ),
    checks: checks("Checks that must pass before the server uses the restored data."),
    run: z
      .array(
        z.strictObject({
          database: identifier.meta(key("Database in which the file runs.", "shop")),
          file: z.string().min(1).meta(key("SQL file, relative to the project.", "sql/shop/mask.sql")),
          role: roleOfCode,
        }),
      )
      .default([])
      .meta(
        key("SQL files that run on the restored data before clients can connect, for example to mask personal data.", [
          { database: "shop", file: "sql/shop/mask.sql" },
        ]),
      ),
  })
  .refine(
    ({ time, name, lsn }) => [time, name, lsn].filter((target) => target !== undefined).length <= 1,
    "write at most one of time, name and lsn; without any of them the newest state is restored",
  )
  .refine(
    ({ running, server, repository, time, name, lsn, backup, timeline }) =>
      running === undefined ||
      [server, repository, time, name, lsn, backup, timeline].every((each) => each === undefined),
    "running copies the current data of a server; remove server, repository, time, name, lsn, backup and timeline",
  );

export type RestoreConfig = z.output<typeof restoreSchema>;
