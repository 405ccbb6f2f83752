import { createHash } from "node:crypto";
import { z } from "zod";
import { allowed, identifier, key } from "./key";
import { checkedObjectName, quoteObjectName } from "./object-name";

// Tiered tables in the stack file. sql/functions/tiers checks what depends on the server, such as types and tablespaces.

const columnName = identifier.meta(key("Name of the column.", "fid"));

const columnSchema = z.strictObject({
  name: columnName,
  type: z.string().min(1).meta(key("Type, as in CREATE TABLE; types of extensions without their schema.", "text")),
  notNull: z.boolean().default(false).meta(key("NOT NULL. Columns id and time are NOT NULL in any case.", true)),
  default: z
    .string()
    .min(1)
    .refine((text) => !/;|--|\/\*/.test(text), 'write one expression without ";" and comments')
    .optional()
    .meta(key("Default expression (DEFAULT).", "now()")),
});

const sortKeySchema = z
  .strictObject({
    geometry: identifier
      .optional()
      .meta(key("A column of PostGIS' type geometry, sorted along a Hilbert curve.", "geom")),
    columns: z
      .array(identifier)
      .min(1)
      .optional()
      .meta(key("Columns, in the order of ORDER BY.", ["sensor", "at"])),
  })
  .refine(
    ({ geometry, columns }) => (geometry === undefined) !== (columns === undefined),
    "write either geometry or columns",
  );

const tablespace = (what: string) => identifier.optional().meta(key(`Tablespace of ${what}.`, "fast"));

/** Divisors of a day in hours, and of an hour in minutes, so that ranges begin at the same times every day. */
const HOURS = [1, 2, 3, 4, 6, 8, 12, 24] as const;
const MINUTES = [5, 10, 15, 20, 30, 60] as const;
const oneOf = <T extends number>(values: readonly T[]) =>
  z.literal(values).meta({ ...allowed(`one of ${values.join(", ")}`) });

export const tieredTableSchema = z.strictObject({
  owner: identifier
    .optional()
    .meta(
      key(
        "Role that owns the objects of the set and runs its jobs: it needs login, and owns the schema or is a member of its owner. The schema's owner if absent.",
        "ship_keeper",
      ),
    ),
  columns: z
    .array(columnSchema)
    .min(1)
    .meta(
      key("Columns, in their order. Cannot change.", [
        { name: "fid", type: "text" },
        { name: "dtg", type: "timestamptz" },
        { name: "geom", type: "geometry(Point,4326)", notNull: true },
      ]),
    ),
  id: identifier.meta(key("Column that identifies a record. Cannot change.", "fid")),
  time: identifier.meta(key("Column of type timestamptz by which records are partitioned. Cannot change.", "dtg")),
  sortKey: sortKeySchema.meta(
    key("Sort order of large partitions, for their BRIN index. Cannot change.", { geometry: "geom" }),
  ),
  indexes: z
    .array(identifier)
    .default([])
    .meta(key("Columns with a separate btree index. Columns can be added later, not removed.", ["vessel"])),
  intervalHours: oneOf(HOURS)
    .default(6)
    .meta(key("Width of a large partition in hours. A new width applies from the next range on.", 24)),
  maxAge: z
    .string()
    .regex(/^[1-9]\d* (minutes?|hours?|days?|weeks?|months?|years?)$/)
    .optional()
    .meta({
      ...key("Age of all its rows at which a partition is dropped. Partitions are kept if absent.", "90 days"),
      ...allowed("a whole number and minutes, hours, days, weeks, months or years, such as 90 days"),
    }),
  minuteOffset: z
    .int()
    .min(0)
    .max(58)
    .optional()
    .meta(
      key(
        "Minute of the maintenance, below walMinutes - 1. Derived from the name if absent, which spreads the sets.",
        3,
      ),
    ),
  pagesPerRange: z
    .int()
    .min(1)
    .max(131_072)
    .default(128)
    .meta(key("pages_per_range of the BRIN index. Cannot change.", 64)),
  tablespaces: z
    .strictObject({
      wa: tablespace("the write-ahead tables"),
      waPartitions: tablespace("the small partitions"),
      main: tablespace("the large partitions"),
      spill: tablespace("late rows"),
    })
    .default({})
    .meta(key("Tablespaces of new tables.", { main: "slow" })),
  walMinutes: oneOf(MINUTES)
    .default(10)
    .meta(
      key("Minutes that one write-ahead table receives the writes, and width of a small partition. Cannot change.", 5),
    ),
  onRemove: z
    .enum(["keep", "drop"])
    .default("keep")
    .meta(
      key(
        "What happens to the rows when the set is removed from the stack file: they are kept in a plain partitioned table of the same name, or dropped. The value of the last update counts.",
        "drop",
      ),
    ),
});

export const tiersSchema = z.record(z.string(), tieredTableSchema);

export type TieredTableConfig = z.output<typeof tieredTableSchema>;

/** A number below `count`, equal to that of pgwright.tiers_spread, so that sets do not all run in the same minute. */
function spread(table: string, count: number): number {
  return parseInt(createHash("md5").update(table).digest("hex").slice(0, 7), 16) % count;
}

/** A set's name in the names of its jobs. */
function plainName(table: string): string {
  const { schema, name } = checkedObjectName(table);
  return `${schema}.${name}`;
}

/** The minute of the maintenance within walMinutes. In the last minute the writes switch to a new table. */
export function minuteOffsetOf(table: string, { minuteOffset, walMinutes }: TieredTableConfig): number {
  return minuteOffset ?? spread(plainName(table), walMinutes - 1);
}

/** The cron jobs of a set, equal to those of pgwright.tiers_jobs. Each is a single CALL, as its procedure commits. */
export function tierJobs(
  database: string,
  table: string,
  config: TieredTableConfig,
): { name: string; schedule: string; command: string }[] {
  const { schema, name } = checkedObjectName(table);
  const minutes = (first: number) => {
    const count = Math.ceil((60 - first) / config.walMinutes);
    return `${Array.from({ length: count }, (_, i) => first + i * config.walMinutes).join(",")} * * * *`;
  };
  // Spread over the first four hours of the day.
  const night = spread(plainName(table), 240);
  return [
    ["roll-wa", minutes(config.walMinutes - 1), "_roll_wa"],
    ["part-maintenance", minutes(minuteOffsetOf(table, config)), "_partition_maintenance"],
    ["analyze", "* * * * *", "_analyze_partitions"],
    ["partition-sort", `${night % 60} ${Math.floor(night / 60)} * * *`, "_partition_sort"],
  ].map(([job, schedule = "", suffix]) => ({
    name: `${database}.${plainName(table)}-${job}`,
    schedule,
    command: `CALL ${quoteObjectName({ schema, name: `${name}${suffix}` })}()`,
  }));
}
