import { z } from "zod";
import { allowed, identifier, key } from "./key";

// Sets of partitions in the stack file. sql/functions/partitions checks what depends on the table.

const interval = z
  .union([z.int().min(1), z.string().regex(/^[1-9]\d*( (seconds?|minutes?|hours?|days?|weeks?|months?|years?))?$/)])
  .meta(allowed("a whole number, or one and seconds, minutes, hours, days, weeks, months or years, such as 1 month"));
const listValues = z
  .record(identifier, z.array(z.string().min(1)).min(1))
  .meta(allowed("lists of strings by suffix, such as {eu: [de, fr]}"));
const modulus = z.int().min(2).max(1000);

const retentionSchema = z
  .strictObject({
    age: interval
      .optional()
      .meta(
        key("Age at which a partition expires: time since its end, or distance below the highest number.", "12 months"),
      ),
    count: z
      .int()
      .min(1)
      .optional()
      .meta(key("Number of partitions to keep: the current one and those before it.", 24)),
    then: z
      .enum(["keep", "detach", "archive", "drop"])
      .meta(
        key(
          "What happens to expired partitions: they stay in the set (keep), are detached (detach), are detached and moved to an archive (archive), or are dropped (drop).",
          "drop",
        ),
      ),
    schema: identifier.optional().meta(key("Schema of the archive.", "archive")),
    tablespace: identifier.optional().meta(key("Tablespace of the archive, for tables and their indexes.", "slow")),
    dump: z
      .boolean()
      .optional()
      .meta(
        key(
          "With a schema: each table in it is dumped into a file beside the dumps of the backup, its rows in the file are counted, and it is dropped; `npm run archive` restores it.",
          true,
        ),
      ),
  })
  .refine(
    ({ dump, schema }) => dump === undefined || schema !== undefined,
    "dump needs schema, the schema of the archive; add schema, or remove dump",
  )
  .refine(({ age, count }) => (age === undefined) !== (count === undefined), "write either age or count")
  .refine(
    ({ then, schema, tablespace }) => (then === "archive") === (schema !== undefined || tablespace !== undefined),
    "archive needs schema or tablespace, and only archive has them",
  );

const subSchema = z
  .strictObject({
    by: z.enum(["list", "hash"]).meta(key("Partitioning method of each partition.", "hash")),
    column: identifier.meta(key("Column of the partition key.", "tenant")),
    modulus: modulus.optional().meta(key("hash: number of partitions.", 4)),
    values: listValues.optional().meta(key("list: values, by the suffix of the name.", { eu: ["de", "fr"] })),
    default: z.boolean().default(true).meta(key("list: a DEFAULT partition takes all other values.", false)),
  })
  .refine(({ by, modulus: n }) => (by === "hash") === (n !== undefined), "hash needs modulus, and only hash has it")
  .refine(({ by, values }) => (by === "list") === (values !== undefined), "list needs values, and only list has them");

export const partitionSetSchema = z
  .strictObject({
    kind: z
      .enum(["time", "integer", "uuid7", "list", "hash"])
      .default("time")
      .meta(
        key(
          "Partition key: RANGE of a time, of a number or of a UUID of version 7, which begins with its time; LIST; HASH.",
          "integer",
        ),
      ),
    interval: interval
      .optional()
      .meta(
        key(
          "Width of a partition. Fractions of a day must divide the day and are counted in UTC; months must divide a year. A new interval applies from the next partition on.",
          "1 month",
        ),
      ),
    convert: z
      .strictObject({ column: identifier.meta(key("Column of the partition key.", "ordered_at")) })
      .optional()
      .meta(
        key(
          "Converts a table that is not partitioned: its rows are copied into partitions while it is in use. The old table is kept as NAME_before_partitions.",
          { column: "ordered_at" },
        ),
      ),
    premake: z
      .int()
      .min(0)
      .max(1000)
      .default(3)
      .meta(key("Number of partitions to create ahead of the current time, or of the highest number.", 3)),
    start: z
      .union([
        z.int(),
        // Pulumi passes a date of YAML in the notation of Go.
        z.string().regex(/^\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?| \+0000 UTC)?)?$/),
      ])
      .optional()
      .meta({
        ...key(
          "Where the partitions begin: a number, or a time, which is in the set's zone if it has no offset. The oldest partition, or now, if absent.",
          "2025-01-01",
        ),
        ...allowed('a number, or a time such as "2025-01-01" or "2025-01-01 06:00+02"'),
      }),
    zone: z
      .string()
      .min(1)
      .default("UTC")
      .meta(key("Time zone in which days and longer intervals begin at midnight.", "Europe/Berlin")),
    naming: z
      .string()
      .regex(/^[a-z0-9_]*\{[A-Z0-9]+\}[a-z0-9_{}A-Z]*$/)
      .optional()
      .meta({
        ...key(
          "Suffix of a partition's name, with patterns of to_char in braces; {N} is the number. Derived from the interval if absent: _y2025m07, _y2025w28, _y2025m07d14.",
          "_{YYYY}_{MM}",
        ),
        ...allowed("lower case letters, digits, _ and patterns in braces, such as _y{YYYY}m{MM}"),
      }),
    overflow: z
      .enum(["none", "guard", "drain"])
      .default("none")
      .meta(
        key(
          "What happens to a row without a partition: it is refused (none; retention then blocks no sessions), stays in the DEFAULT partition and is reported (guard), or moves from there to a partition of its own (drain).",
          "drain",
        ),
      ),
    retention: retentionSchema
      .optional()
      .meta(key("How long partitions are kept. All are kept if absent.", { age: "12 months", then: "drop" })),
    tablespace: identifier.optional().meta(key("Tablespace of new partitions.", "fast")),
    storage: z
      .record(z.string().regex(/^[a-z_.]+$/), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .meta(key("Storage parameters of new partitions.", { fillfactor: 90 })),
    indexes: z
      .array(z.string().min(1))
      .default([])
      .meta(
        key("Indexes of the partitions that the table does not have: the part of CREATE INDEX after ON table.", [
          "USING brin (at)",
        ]),
      ),
    sub: subSchema
      .optional()
      .meta(key("Subpartitions of each partition.", { by: "hash", column: "tenant", modulus: 4 })),
    values: listValues.optional().meta(key("list: values, by the suffix of a partition's name.", { eu: ["de", "fr"] })),
    modulus: modulus.optional().meta(key("hash: number of partitions.", 4)),
  })
  .refine(
    ({ kind, interval: width }) => ["list", "hash"].includes(kind) === (width === undefined),
    "time, integer and uuid7 need interval; list and hash have none",
  )
  .refine(({ kind, interval: width }) => (kind === "integer") === /^\d+$/.test(String(width)) || width === undefined, {
    message: "integer needs a number as interval; time and uuid7 need a time",
  })
  .refine(
    ({ kind, values }) => (kind === "list") === (values !== undefined),
    "list needs values, and only list has them",
  )
  .refine(
    ({ kind, modulus: n }) => (kind === "hash") === (n !== undefined),
    "hash needs modulus, and only hash has it",
  );

export const partitionsSchema = z.strictObject({
  role: identifier
    .optional()
    .meta(
      key(
        "Role that maintains the sets: it needs login, and owns their tables or is a member of the owner. Code of the tables (triggers, defaults, expressions) runs in its sessions. If absent, the database's owner maintains the sets that belong to it.",
        "partition_keeper",
      ),
    ),
  schedule: z
    .string()
    .default("*/10 * * * *")
    .meta(key("When the job creates and expires partitions (UTC).", "7 * * * *")),
  sets: z
    .record(z.string(), partitionSetSchema)
    .meta(key("Partitioned tables, by schema.name.", { "shop.orders": { interval: "1 month" } })),
});

export type PartitionsConfig = z.output<typeof partitionsSchema>;
export type PartitionSetConfig = PartitionsConfig["sets"][string];
