import type { BackupConfig } from "../config/backup";

type Drill = NonNullable<BackupConfig["drill"]>;

const encoded = (text: string) => Buffer.from(text).toString("base64");

/** The drill's file of what it looks at: a line a check. */
export function renderDrill({ amcheck, checks }: Pick<Drill, "amcheck" | "checks">): string {
  const lines = checks.map(({ database, query }) => `check ${encoded(database)} ${encoded(query)}`);
  return [...(amcheck ? ["amcheck"] : []), ...lines].map((line) => `${line}\n`).join("");
}

/** What is on record of a drill, as the drill container writes it: a line of columns parted by tabs. */
export interface Evidence {
  drill: string;
  started: Date;
  ended: Date;
  passed: boolean;
  backup?: string;
  /** Of the last transaction that was replayed. */
  recoveredTo?: string;
  /** Until the copy took connections. */
  seconds: number;
}

/** The drills on record, oldest first. */
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

/** "36h" or "7d" in milliseconds. */
export function ageOf(text: string): number {
  return parseInt(text, 10) * (text.endsWith("d") ? 86_400_000 : 3_600_000);
}

/** Why the evidence is not good enough; undefined if it is. `maxAge`: as in the stack file. */
export function problemOf(drills: Evidence[], maxAge: string | undefined, now: Date): string | undefined {
  const last = drills.at(-1);
  if (last && !last.passed) return `the last restore drill, ${last.drill}, has failed`;
  if (maxAge === undefined) return undefined;
  if (!last) return "there was no restore drill yet";
  const hours = Math.floor((now.getTime() - last.ended.getTime()) / 3_600_000);
  return now.getTime() - last.ended.getTime() > ageOf(maxAge)
    ? `the last restore drill that passed is ${hours} hours old, and backup.drill.maxAge is ${maxAge}`
    : undefined;
}
