import { z } from "zod";
import { allowed, identifier, key, objectName } from "./key";
import { endpointOf, s3Schema, type S3Config } from "./s3";

// Backups in the stack file: where they are kept, how long, and when they are made.

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
      .meta(key("So many full backups are kept, with all that depends on them.", 4)),
    days: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta(key("Full backups are kept so long, and always one that is older.", 30)),
    differential: z.int().min(1).max(10_000).optional().meta(key("So many differential backups are kept.", 7)),
    wal: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .meta(
        key(
          "WAL is kept for so many of the newest full backups; older ones can be restored only as they were at their end. For all if absent.",
          2,
        ),
      ),
  })
  .refine(({ full, days }) => full === undefined || days === undefined, "write either full or days");

const places = {
  volume: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)
    .optional()
    .meta({
      ...key("A volume of the Docker engine that is there already.", "backups"),
      ...allowed("the name of a Docker volume"),
    }),
  path: z
    .string()
    .regex(/^\/[^:]+$/)
    .optional()
    .meta({
      ...key("A folder of the Docker host, such as a mounted disk; user 999 must be able to use it.", "/mnt/backups"),
      ...allowed("an absolute path"),
    }),
};
const repositoryPlaces = {
  ...places,
  s3: s3Schema
    .optional()
    .meta(key("A bucket of an object store that speaks S3.", { bucket: "shop-backups", region: "eu-central-1" })),
};
type Place = { volume?: string; path?: string; s3?: S3Config };
const placesOf = ({ volume, path, s3 }: Place) => [volume, path, s3].filter((place) => place !== undefined).length;

const repositorySchema = z
  .strictObject({
    ...repositoryPlaces,
    retention: retentionSchema
      .prefault({})
      .meta(key("What is kept; two full backups if neither full nor days is given.", { full: 4, differential: 7 })),
  })
  .refine((place) => placesOf(place) <= 1, "write one of volume, path and s3; none, and the stack makes a volume");

const roleOfCode = identifier
  .optional()
  .meta(
    key(
      "Role that it runs as, and all code of tables that it uses; the owner of the database if absent.",
      "shop_owner",
    ),
  );

const checks = (description: string) =>
  z
    .array(
      z.strictObject({
        database: identifier.meta(key("Where it is asked.", "shop")),
        query: z.string().min(1).meta(key("Has to give one value, true.", "SELECT count(*) > 0 FROM shop.orders")),
        role: roleOfCode,
      }),
    )
    .default([])
    .meta(key(description, [{ database: "shop", query: "SELECT count(*) > 0 FROM shop.orders" }]));

const drillSchema = z.strictObject({
  schedule: schedule
    .default("20 4 * * *")
    .meta(key("When the newest backup is restored, in a container of its own without a network.", "20 4 * * *")),
  maxAge: z
    .string()
    .regex(/^[1-9]\d*(h|d)$/)
    .meta(allowed("a whole number and h or d, such as 36h or 7d"))
    .optional()
    .meta(key("A preview fails if the last drill that passed is older.", "7d")),
  amcheck: z
    .boolean()
    .default(true)
    .meta(key("Every table and btree index of the copy is checked: reads all of it.", false)),
  tables: z
    .record(identifier, z.array(objectName))
    .default({})
    .meta(
      key("Tables whose rows are counted in the copy, by database: as many as there were at the mark.", {
        shop: ["shop.orders"],
      }),
    ),
  recall: z
    .record(identifier, z.record(objectName, z.number().min(0.01).max(1)))
    .default({})
    .meta(
      key(
        "Vector indexes, by database and schema.name: the share of the ten true neighbours that they have to find in the copy, over 20 of its rows.",
        { shop: { "shop.chunks_embedding_idx": 0.95 } },
      ),
    ),
  checks: checks("What must hold in the copy besides."),
  memory: size.default("1GB").meta(key("Memory limit of the drill's container.", "2GB")),
});

const dumpsSchema = z.strictObject({
  ...places,
  schedule: schedule.default("50 2 * * *").meta(key("When databases are dumped by pg_dump.", "50 2 * * *")),
  keep: z.int().min(1).max(1000).default(7).meta(key("So many dumps are kept.", 7)),
  databases: z
    .record(
      identifier,
      z.strictObject({
        schemas: z
          .array(identifier)
          .default([])
          .meta(key("These schemas only; all if empty.", ["shop"])),
      }),
    )
    .default({})
    .meta(key("These databases only; all if empty.", { shop: { schemas: ["shop"] } })),
});

export const backupSchema = z.strictObject({
  repositories: z
    .array(repositorySchema)
    .min(1)
    .max(4)
    .prefault([{}])
    .meta(
      key("Where WAL and backups are kept; all of it in each. Restores use the first that has what they need.", [
        { retention: { days: 14 } },
        { path: "/mnt/backups" },
      ]),
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
    .meta(key("When differential backups are made: what changed since the full one. null: never.", "10 1 * * 1-6")),
  incremental: schedule
    .nullable()
    .default(null)
    .meta(key("When incremental backups are made: what changed since the backup before. null: never.", "10 */6 * * *")),
  verify: schedule
    .nullable()
    .default("40 3 * * 6")
    .meta(key("When every file of the repositories is checked against its checksum. null: never.", "40 3 * * 6")),
  drill: drillSchema
    .optional()
    .meta(key("Restores that are tried out by the clock. None if absent.", { maxAge: "7d" })),
  dumps: dumpsSchema
    .optional()
    .meta(key("Logical dumps beside the backups, to move data elsewhere. None if absent.", { keep: 7 })),
  archiveTimeout: duration
    .default("60s")
    .meta(key("WAL is archived at least so often: the most that is lost with the data volume.", "5min")),
  mostWaiting: size
    .default("16GB")
    .meta(
      key(
        "WAL that cannot be archived waits on the data volume, up to this; beyond it, it is given up so that the server goes on: told, and the next backup begins anew.",
        "64GB",
      ),
    ),
  compression: z
    .enum(["zst", "lz4", "gz", "none"])
    .default("zst")
    .meta(key("How files in the repositories are compressed.", "lz4")),
  processes: z.int().min(1).max(64).default(2).meta(key("Processes that a backup or a restore uses.", 4)),
  memory: size.default("512MB").meta(key("Memory limit of the agent, the container that makes the backups.", "1GB")),
  encrypted: z
    .boolean()
    .default(false)
    .meta(
      key(
        "The repositories are encrypted with the secret pgwright:backupPassphrase. It cannot be changed later.",
        true,
      ),
    ),
  keep: z
    .boolean()
    .default(false)
    .meta(key("A destroy of the stack leaves the volumes of the repositories, for a restore.", true)),
});

/** Where a repository is, so that one can be told from another; undefined if the stack makes a volume for it. */
export function placeOf({ volume, path, s3 }: Place): string | undefined {
  return volume ?? path ?? (s3 && `s3://${endpointOf(s3)}/${s3.bucket}/${s3.folder ?? ""}`);
}

export type BackupConfig = z.output<typeof backupSchema>;
export type RepositoryConfig = BackupConfig["repositories"][number];

const pointInTime = z
  .string()
  // With its offset: a time without one would be read in a zone that nobody sees.
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
          "Name of the server in the repository (backup.name, or its container); this one's if absent.",
          "pgwright-prod",
        ),
        ...allowed("letters, digits, -, _ and ."),
      }),
    repository: z
      .strictObject({
        ...repositoryPlaces,
        encrypted: z
          .boolean()
          .default(false)
          .meta(key("It is encrypted with the secret pgwright:restorePassphrase.", true)),
      })
      .refine((place) => placesOf(place) === 1, "write one of volume, path and s3")
      .optional()
      .meta(
        key("Where the backups are; this server's own repositories if absent.", { volume: "pgwright-prod-backup" }),
      ),
    running: z
      .string()
      .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/)
      .optional()
      .meta({
        ...key("A copy of a server that runs on the same Docker engine, as it is now: its container.", "pgwright-prod"),
        ...allowed("the name of a container"),
      }),
    time: pointInTime.optional().meta(key("As it was at this time.", "2026-11-25 01:07:05+00")),
    name: z
      .string()
      .max(63)
      // pgBackRest writes it into a configuration file as it is.
      .regex(/^[^'\\\r\n\0]+$/)
      .optional()
      .meta({
        ...key("As it was at this restore point.", "before-20261125010000"),
        ...allowed("a name of 1 to 63 characters in one line, without quotes and backslashes"),
      }),
    lsn: z
      .string()
      .regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/)
      .optional()
      .meta({ ...key("As it was at this position of the WAL.", "0/3000060"), ...allowed("an LSN such as 0/3000060") }),
    backup: z
      .string()
      .regex(/^\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?$/)
      .optional()
      .meta({
        ...key("From this backup, and with none of the targets above as it was at its end.", "20261125-010704F"),
        ...allowed("the label of a backup, such as 20261125-010704F"),
      }),
    timeline: z
      .int()
      .min(1)
      .max(0x7fffffff)
      .optional()
      .meta(key("Along this timeline: each restore begins another one. The newest if absent.", 2)),
    inPlace: z
      .boolean()
      .default(false)
      .meta(
        key(
          "This stack has data already: it is restored beside that, checked, and takes its place. The old volume stays as long as restoreFrom stands here.",
          true,
        ),
      ),
    replace: z
      .string()
      .min(1)
      .optional()
      .meta(
        key(
          "A data volume that is on the Docker engine and that this stack's state has not made: the restored data takes the place of its data. It is kept until restoreFrom is taken out.",
          "pgwright-prod-data",
        ),
      ),
    checks: checks("What must hold before the server uses the restored data."),
    run: z
      .array(
        z.strictObject({
          database: identifier.meta(key("Where it is run.", "shop")),
          file: z.string().min(1).meta(key("SQL file, relative to the project.", "sql/shop/mask.sql")),
          role: roleOfCode,
        }),
      )
      .default([])
      .meta(
        key("SQL that is run on the restored data before anybody can connect: to mask what a copy should not show.", [
          { database: "shop", file: "sql/shop/mask.sql" },
        ]),
      ),
  })
  .refine(
    ({ time, name, lsn }) => [time, name, lsn].filter((target) => target !== undefined).length <= 1,
    "write one of time, name and lsn; none for the newest there is",
  )
  .refine(
    ({ running, server, repository, time, name, lsn, backup, timeline }) =>
      running === undefined ||
      [server, repository, time, name, lsn, backup, timeline].every((each) => each === undefined),
    "a copy of a running server is as it is now: running stands alone",
  );

export type RestoreConfig = z.output<typeof restoreSchema>;
