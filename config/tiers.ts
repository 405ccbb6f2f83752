import { createHash } from "node:crypto";
import { z } from "zod";
import { allowed, identifier, key } from "./key";
import { parseObjectName, quoteObjectName } from "./object-name";

// Tiered feature tables in the stack file. What only the server knows, such as types and tablespaces, sql/functions/tiers checks.

const columnName = identifier.meta(key("Name of the column.", "fid"));

const columnSchema = z.strictObject({
  name: columnName,
  type: z.string().min(1).meta(key("Type, as in CREATE TABLE; those of extensions without their schema.", "text")),
  notNull: z.boolean().default(false).meta(key("Has a value in each row; id and time have one anyway.", true)),
  default: z
    .string()
    .min(1)
    .refine((text) => !/;|--|\/\*/.test(text), 'write one expression, without ";" and comments')
    .optional()
    .meta(key("Expression for rows that are written without the column.", "now()")),
});

const sortKeySchema = z
  .strictObject({
    geometry: identifier.optional().meta(key("A column of PostGIS' type geometry: along a Hilbert curve.", "geom")),
    columns: z
      .array(identifier)
      .min(1)
      .optional()
      .meta(key("Columns, as ORDER BY takes them.", ["sensor", "at"])),
  })
  .refine(
    ({ geometry, columns }) => (geometry === undefined) !== (columns === undefined),
    "write either geometry or columns",
  );

const tablespace = (what: string) => identifier.optional().meta(key(`Tablespace of ${what}.`, "fast"));

/** Hours that divide a day, and minutes that divide an hour: ranges begin at the same times every day. */
const HOURS = [1, 2, 3, 4, 6, 8, 12, 24] as const;
const MINUTES = [5, 10, 15, 20, 30, 60] as const;
const oneOf = <T extends number>(values: readonly T[]) =>
  z.literal(values).meta({ ...allowed(`one of ${values.join(", ")}`) });

export const tieredTableSchema = z.strictObject({
  owner: identifier
    .optional()
    .meta(
      key(
        "Role that owns all of it and runs its jobs: may log in, and owns the schema or is a member of the role that does. The schema's owner if absent.",
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
  id: identifier.meta(key("Column that names a record. Cannot change.", "fid")),
  time: identifier.meta(key("Column of type timestamptz that records are partitioned by. Cannot change.", "dtg")),
  sortKey: sortKeySchema.meta(
    key("What large partitions are sorted by, so that a BRIN index serves them. Cannot change.", { geometry: "geom" }),
  ),
  indexes: z
    .array(identifier)
    .default([])
    .meta(key("Columns with a btree index of their own. More can be added later, none taken away.", ["vessel"])),
  intervalHours: oneOf(HOURS)
    .default(6)
    .meta(key("Width of a large partition in hours. Another one holds from the next range on.", 24)),
  maxAge: z
    .string()
    .regex(/^[1-9]\d* (minutes?|hours?|days?|weeks?|months?|years?)$/)
    .optional()
    .meta({
      ...key("A partition is dropped once all its rows are older. They stay for ever if absent.", "90 days"),
      ...allowed("a whole number and minutes, hours, days, weeks, months or years, such as 90 days"),
    }),
  minuteOffset: z
    .int()
    .min(0)
    .max(58)
    .optional()
    .meta(
      key("Minute of the maintenance, below walMinutes - 1. Made from the name if absent, so that sets spread.", 3),
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
    .meta(key("Where new tables lie.", { main: "slow" })),
  walMinutes: oneOf(MINUTES)
    .default(10)
    .meta(key("How long one table takes the writes, and width of a small partition. Cannot change.", 5)),
  onRemove: z
    .enum(["keep", "drop"])
    .default("keep")
    .meta(
      key(
        "What happens to the rows once the set is taken out of the stack file: kept in a plain partitioned table of the same name, or dropped. What the last update has set counts.",
        "drop",
      ),
    ),
});

export const tiersSchema = z.record(z.string(), tieredTableSchema);

export type TieredTableConfig = z.output<typeof tieredTableSchema>;

/** A number below `count` for a set, the same as pgwright.tiers_spread has it: sets do not all run in the same minute. */
function spread(table: string, count: number): number {
  return parseInt(createHash("md5").update(table).digest("hex").slice(0, 7), 16) % count;
}

/** A set's name as its jobs have it. */
function plainName(table: string): string {
  const { schema, name } = parseObjectName(table) ?? { schema: "", name: table };
  return `${schema}.${name}`;
}

/** The minute of the maintenance, in each ten. The last one is the roll's. */
export function minuteOffsetOf(table: string, { minuteOffset, walMinutes }: TieredTableConfig): number {
  return minuteOffset ?? spread(plainName(table), walMinutes - 1);
}

/** The cron jobs of a set, as pgwright.tiers_jobs has them. CALL is the only statement of each: it commits. */
export function tierJobs(
  database: string,
  table: string,
  config: TieredTableConfig,
): { name: string; schedule: string; command: string }[] {
  const { schema, name } = parseObjectName(table) ?? { schema: "", name: table };
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
