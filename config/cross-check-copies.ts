import { sourceOf, SYSTEM_DATABASES } from "./databases";
import { cycleFrom } from "./order";
import type { Stack } from "./stack";

/** What is wrong with a database that should be a copy of another one. */
export function checkCopy(
  name: string,
  { databases, server }: Stack,
  report: (key: string, text: string) => void,
): void {
  const [source] = sourceOf(databases, name);
  if (source === undefined) return;
  const key = `databases.${name}.copyOf.database`;
  const cycle = cycleFrom(name, (each) => sourceOf(databases, each));
  if (SYSTEM_DATABASES.includes(source)) report(key, `"${source}": this database belongs to PostgreSQL itself`);
  else if (cycle) report(key, `the database would be a copy of itself: ${cycle.join(" -> ")}`);
  else if (source === server.cronDatabase)
    report(
      key,
      `"${source}" holds pg_cron, whose launcher stays connected, and PostgreSQL copies no database that has sessions: ` +
        "copy another one, or set server.cronDatabase to another one",
    );
}
