import { writeObjectName } from "../config/object-name";
import type { PartitionedTableFact } from "./facts";

// Pure: partitions whose names and bounds are those of a set that pgwright would keep.

interface Step {
  interval: string;
  end(start: Date): Date;
  suffix(start: Date): string;
}

const two = (n: number) => String(n).padStart(2, "0");
const shifted = (date: Date, years: number, months: number, days: number) =>
  new Date(Date.UTC(date.getUTCFullYear() + years, date.getUTCMonth() + months, date.getUTCDate() + days));

const STEPS: Step[] = [
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

/** A bound as the catalog has it; a time without an offset is one of UTC. */
function time(text = ""): number {
  const [day = "", clock = "00:00:00+00"] = text.split(" ");
  const offset = /[+-]\d\d(:\d\d)?$/.exec(clock)?.[0] ?? "+00";
  const whole = offset.includes(":") ? offset : `${offset}:00`;
  return Date.parse(`${day}T${clock.replace(/[+-].*$/, "")}${whole}`);
}

function fits({ name, partitions }: PartitionedTableFact, { end, suffix }: Step): boolean {
  return partitions.every(({ name: partition, bound }) => {
    const [, from, to] = BOUND.exec(bound) ?? [];
    const start = new Date(time(from));
    return !Number.isNaN(start.getTime()) && time(to) === end(start).getTime() && partition === name + suffix(start);
  });
}

/** What can be said of a partitioned table: the set that it could be, or that migrations have to go on keeping it. */
export function describePartitions(table: PartitionedTableFact): string {
  const { partitions } = table;
  const name = writeObjectName(table);
  const ranges = { ...table, partitions: partitions.filter(({ bound }) => bound !== "DEFAULT") };
  const step = ranges.partitions.length > 0 ? STEPS.find((each) => fits(ranges, each)) : undefined;
  if (!step || !/^(date|timestamp)/.test(table.type)) {
    return `partitions of ${name} are left to whoever makes them: their names and bounds are not those of a set`;
  }
  const overflow = ranges.partitions.length < partitions.length ? `, overflow: guard` : "";
  return (
    `partitions of ${name} are as a set would make them; it is kept up to date, by functions in schema pgwright and a job, with ` +
    `partitions: {sets: {${JSON.stringify(name)}: {interval: ${step.interval}${overflow}}}}`
  );
}
