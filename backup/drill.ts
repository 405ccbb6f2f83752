import type { BackupConfig } from "../config/backup";
import { parseObjectName, quoteObjectName } from "../config/object-name";
import { milliseconds } from "../config/units";
import type { Drill } from "./ledgers";

type DrillConfig = NonNullable<BackupConfig["drill"]>;

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

export function drillSpecification({ amcheck, checks, tables, recall }: DrillConfig): DrillSpecification {
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

/** Why the recorded drills do not suffice; undefined if they do. `maxAge`: as in the stack file. */
export function problemOf(drills: Drill[], maxAge: string | undefined, now: Date): string | undefined {
  const last = drills.at(-1);
  if (last && !last.passed) return `the last restore drill, ${last.drill}, has failed`;
  if (maxAge === undefined) return undefined;
  if (!last) return "there was no restore drill yet";
  const age = now.getTime() - new Date(last.ended_at).getTime();
  return age > milliseconds(maxAge)
    ? `the last restore drill that passed is ${Math.floor(age / 3_600_000)} hours old, and backup.drill.maxAge is ${maxAge}`
    : undefined;
}
