import { writeObjectName } from "../config/object-name";
import type { PartitionedTableFact } from "./facts";

// Pure: recognises partitions whose names and bounds are those of a set of pgwright.

interface Interval {
  interval: string;
  end(start: Date): Date;
  suffix(start: Date): string;
}

const two = (n: number) => String(n).padStart(2, "0");
const shifted = (date: Date, years: number, months: number, days: number) =>
  new Date(Date.UTC(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + days));

const INTERVALS: Interval[] = [
  { interval: "1 year", end: (start) => shifted(start, 1, 0, 0), suffix: (start) => `_y${start.getUTCFullYear()}` },
  {
    interval: "1 month",
    end: (start) => shifted(start, 0, 1, 0),
    suffix: (start) => `_y${start.getUTCFullYear()}m${two(start.getUTCMonth() + 1)}`,
  },
  {
    interval: "1 day",
    end: (start) => shifted(start, 0, 0, 1),
    suffix: (start) => `_y${start.getUTCFullYear()}m${two(start.getUTCMonth() + 1)}d${two(start.getUTCDate())}`,
  },
];

const BOUND = /^FOR VALUES FROM \('([^']+)'\) TO \('([^']+)'\)$/;

/** Parses a bound of the catalog; a time without an offset is in UTC. */
function time(text = ""): number {
  const [day = "", clock = "00:00:00+00"] = text.split(" ");
  const offset = /[+-]\d\d(:\d\d)?$/.exec(clock)?.[0] ?? "+00";
  const whole = offset.includes(":") ? offset : `${offset}:00`;
  return Date.parse(`${day}T${clock.replace(/[+-].*$/, "")}${whole}`);
}

function fits({ name, partitions }: PartitionedTableFact, { end, suffix }: Interval): boolean {
  return partitions.every(({ name: partition, bound }) => {
    const [, from, to] = BOUND.exec(bound) ?? [];
    const start = new Date(time(from));
    return !Number.isNaN(start.getTime()) && time(to) === end(start).getTime() && partition === name + suffix(start);
  });
}

/** Describes the set that could maintain a partitioned table, or that none can. */
export function describePartitions(table: PartitionedTableFact): string {
  const { partitions } = table;
  const name = writeObjectName(table);
  const ranges = { ...table, partitions: partitions.filter(({ bound }) => bound !== "DEFAULT") };
  const matching = ranges.partitions.length > 0 ? INTERVALS.find((each) => fits(ranges, each)) : undefined;
  if (!matching || !/^(date|timestamp)/.test(table.type)) {
    return `partitions of ${name} are not managed: their names and bounds are not those of a set`;
  }
  const overflow = ranges.partitions.length < partitions.length ? `, overflow: guard` : "";
  return (
    `partitions of ${name} have the names and bounds of a set; to let functions in schema pgwright and a job maintain them, declare ` +
    `partitions: {sets: {${JSON.stringify(name)}: {interval: ${matching.interval}${overflow}}}}`
  );
}
