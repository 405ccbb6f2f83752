import { z } from "zod";
import { allowed, identifier, key } from "./key";

// Sets of partitions in the stack file. What a set and its table can tell only together is checked by sql/functions/partitions.

const interval = z
  .union([z.int().min(1), z.string().regex(/^[1-9]\d*( (seconds?|minutes?|hours?|days?|weeks?|months?|years?))?$/)])
  .meta(allowed("a whole number, or one and seconds, minutes, hours, days, weeks, months or years, such as 1 month"));
const listValues = z
  .record(identifier, z.array(z.string().min(1)).min(1))
  .meta(allowed("lists of texts by suffix, such as {eu: [de, fr]}"));
const modulus = z.int().min(2).max(1000);

const retentionSchema = z
  .strictObject({
    age: interval
      .optional()
      .meta(key("Partitions that ended so long ago, or lie so far below the highest number.", "12 months")),
    count: z.int().min(1).optional().meta(key("So many are kept: the current one and those before it.", 24)),
    then: z
      .enum(["keep", "detach", "archive", "drop"])
      .meta(
        key(
          "What becomes of the others: kept in the set, detached and left beside it, detached and moved to an archive, or dropped.",
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
          "With a schema: what is in it is dumped into a file beside the dumps of the backup, counted there, and dropped; `npm run archive` brings it back.",
          true,
        ),
      ),
  })
  .refine(
    ({ dump, schema }) => dump === undefined || schema !== undefined,
    "a dump is made of what is in the archive's schema",
  )
  .refine(({ age, count }) => (age === undefined) !== (count === undefined), "write either age or count")
  .refine(
    ({ then, schema, tablespace }) => (then === "archive") === (schema !== undefined || tablespace !== undefined),
    "an archive has a schema or a tablespace, and only an archive does",
  );

const subSchema = z
  .strictObject({
    by: z.enum(["list", "hash"]).meta(key("How each partition is partitioned.", "hash")),
    column: identifier.meta(key("By this column.", "tenant")),
    modulus: modulus.optional().meta(key("hash: how many.", 4)),
    values: listValues.optional().meta(key("list: values, by the suffix of the name.", { eu: ["de", "fr"] })),
    default: z.boolean().default(true).meta(key("list: with a partition for all other values.", false)),
  })
  .refine(({ by, modulus: n }) => (by === "hash") === (n !== undefined), "hash has a modulus, and only hash does")
  .refine(({ by, values }) => (by === "list") === (values !== undefined), "list has values, and only list does");

export const partitionSetSchema = z
  .strictObject({
    kind: z
      .enum(["time", "integer", "uuid7", "list", "hash"])
      .default("time")
      .meta(
        key(
          "What the table is partitioned by: RANGE of a time, of a number or of a UUID of version 7, which begins with its time; LIST; HASH.",
          "integer",
        ),
      ),
    interval: interval
      .optional()
      .meta(
        key(
          "Width of a partition. Parts of a day divide it and are counted in UTC; months divide a year. A new interval holds from the next partition on.",
          "1 month",
        ),
      ),
    convert: z
      .strictObject({ column: identifier.meta(key("By this column.", "ordered_at")) })
      .optional()
      .meta(
        key(
          "The table is not partitioned yet: its rows are copied into partitions while it is in use. The old table stays as NAME_before_partitions.",
          { column: "ordered_at" },
        ),
      ),
    premake: z
      .int()
      .min(0)
      .max(1000)
      .default(3)
      .meta(key("Partitions ahead of the clock, or of the highest number.", 3)),
    start: z
      .union([
        z.int(),
        // Pulumi hands over what YAML takes for a date in Go's words.
        z.string().regex(/^\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:?\d\d)?| \+0000 UTC)?)?$/),
      ])
      .optional()
      .meta({
        ...key(
          "Partitions are made from here on: a number, or a time, by the clock of the zone where it has no offset. From the oldest there is, or now, if absent.",
          "2025-01-01",
        ),
        ...allowed('a number, or a time such as "2025-01-01" or "2025-01-01 06:00+02"'),
      }),
    zone: z
      .string()
      .min(1)
      .default("UTC")
      .meta(key("Days and longer intervals begin at midnight of this zone.", "Europe/Berlin")),
    naming: z
      .string()
      .regex(/^[a-z0-9_]*\{[A-Z0-9]+\}[a-z0-9_{}A-Z]*$/)
      .optional()
      .meta({
        ...key(
          "Suffix of a partition's name, with the patterns of to_char in braces; {N} is the number. By the interval if absent: _y2025m07, _y2025w28, _y2025m07d14.",
          "_{YYYY}_{MM}",
        ),
        ...allowed("lower case letters, digits, _ and patterns in braces, such as _y{YYYY}m{MM}"),
      }),
    overflow: z
      .enum(["none", "guard", "drain"])
      .default("none")
      .meta(
        key(
          "Rows that no partition is for: refused (then retention makes nobody wait); kept in the DEFAULT partition and told; or moved from it to a partition of theirs.",
          "drain",
        ),
      ),
    retention: retentionSchema
      .optional()
      .meta(key("How long partitions stay. All if absent.", { age: "12 months", then: "drop" })),
    tablespace: identifier.optional().meta(key("Tablespace of new partitions.", "fast")),
    storage: z
      .record(z.string().regex(/^[a-z_.]+$/), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .meta(key("Storage parameters of new partitions.", { fillfactor: 90 })),
    indexes: z
      .array(z.string().min(1))
      .default([])
      .meta(
        key("Indexes that partitions have and the table has not: what follows ON table in CREATE INDEX.", [
          "USING brin (at)",
        ]),
      ),
    sub: subSchema.optional().meta(key("Partitions of each partition.", { by: "hash", column: "tenant", modulus: 4 })),
    values: listValues.optional().meta(key("list: values, by the suffix of a partition's name.", { eu: ["de", "fr"] })),
    modulus: modulus.optional().meta(key("hash: how many partitions.", 4)),
  })
  .refine(
    ({ kind, interval: step }) => ["list", "hash"].includes(kind) === (step === undefined),
    "time, integer and uuid7 have an interval; list and hash have none",
  )
  .refine(({ kind, interval: step }) => (kind === "integer") === /^\d+$/.test(String(step)) || step === undefined, {
    message: "integer has a number as interval, time and uuid7 have a time",
  })
  .refine(({ kind, values }) => (kind === "list") === (values !== undefined), "list has values, and only list does")
  .refine(({ kind, modulus: n }) => (kind === "hash") === (n !== undefined), "hash has a modulus, and only hash does");

export const partitionsSchema = z.strictObject({
  role: identifier
    .optional()
    .meta(
      key(
        "Maintains the sets: may log in, and become the owner of their tables, whose code (triggers, defaults, expressions) runs in its sessions. If absent, the database's owner maintains those that belong to it.",
        "partition_keeper",
      ),
    ),
  schedule: z.string().default("*/10 * * * *").meta(key("When the sets are brought up to date (UTC).", "7 * * * *")),
  sets: z
    .record(z.string(), partitionSetSchema)
    .meta(key("Partitioned tables, by schema.name.", { "shop.orders": { interval: "1 month" } })),
});

export type PartitionsConfig = z.output<typeof partitionsSchema>;
export type PartitionSetConfig = PartitionsConfig["sets"][string];
