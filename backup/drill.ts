import type { BackupConfig } from "../config/backup";
import { parseObjectName, quoteObjectName } from "../config/object-name";
import { milliseconds } from "../config/units";

type Drill = NonNullable<BackupConfig["drill"]>;

const encoded = (text: string) => Buffer.from(text).toString("base64");

function toSqlName(text: string): string {
  const found = parseObjectName(text);
  if (!found) throw new Error(`"${text}": not a qualified name; write schema.name`);
  return quoteObjectName(found);
}

/** What a drill checks in addition to the checks of every copy. Names are quoted for SQL. */
export interface DrillSpecification {
  amcheck: boolean;
  checks: { database: string; query: string; role?: string }[];
  /** Tables that have to have as many rows as at the restore point. */
  counts: { database: string; table: string }[];
  /** Vector indexes, and the recall that they have to reach. */
  recalls: { database: string; index: string; atLeast: number }[];
}

export function drillSpecification({ amcheck, checks, tables, recall }: Drill): DrillSpecification {
  return {
    amcheck,
    checks,
    counts: Object.entries(tables).flatMap(([database, names]) =>
      names.map((name) => ({ database, table: toSqlName(name) })),
    ),
    recalls: Object.entries(recall).flatMap(([database, indexes]) =>
      Object.entries(indexes).map(([name, atLeast]) => ({ database, index: toSqlName(name), atLeast })),
    ),
  };
}

/** Formats the drill specification for the drill container: a line a check. */
export function renderDrill({ amcheck, checks, counts, recalls }: DrillSpecification): string {
  const lines = [
    ...(amcheck ? ["amcheck"] : []),
    ...checks.map(({ database, query, role }) =>
      ["check", encoded(database), encoded(query), ...(role === undefined ? [] : [encoded(role)])].join(" "),
    ),
    ...counts.map(({ database, table }) => `count ${encoded(database)} ${encoded(table)}`),
    ...recalls.map(({ database, index, atLeast }) => `recall ${encoded(database)} ${encoded(index)} ${atLeast}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** The recorded result of a drill: the drill container writes it as a line of columns separated by tabs. */
export interface Evidence {
  drill: string;
  started: Date;
  ended: Date;
  passed: boolean;
  backup?: string;
  /** Time of the last transaction that was replayed. */
  recoveredTo?: string;
  /** Duration until the copy accepted connections. */
  seconds: number;
}

/** Parses the recorded drills, oldest first. */
export function parseDrills(text: string): Evidence[] {
  const value = (column: string | undefined) => (column === "\\N" ? undefined : column);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [drill = "", started = "", ended = "", passed, backup, recoveredTo, seconds] = line.split("\t");
      return {
        drill,
        started: new Date(started),
        ended: new Date(ended),
        passed: passed === "t",
        backup: value(backup),
        recoveredTo: value(recoveredTo),
        seconds: Number(seconds),
      };
    });
}

/** Why the recorded drills do not suffice; undefined if they do. `maxAge`: as in the stack file. */
export function problemOf(drills: Evidence[], maxAge: string | undefined, now: Date): string | undefined {
  const last = drills.at(-1);
  if (last && !last.passed) return `the last restore drill, ${last.drill}, has failed`;
  if (maxAge === undefined) return undefined;
  if (!last) return "there was no restore drill yet";
  const hours = Math.floor((now.getTime() - last.ended.getTime()) / 3_600_000);
  return now.getTime() - last.ended.getTime() > milliseconds(maxAge)
    ? `the last restore drill that passed is ${hours} hours old, and backup.drill.maxAge is ${maxAge}`
    : undefined;
}
