import { sourceOf, SYSTEM_DATABASES } from "../databases";
import { findCycle } from "../order";
import type { Stack } from "../stack";
import type { Report, Rule } from "./rule";

/** Sources of copies. */
export const checkCopies: Rule = (stack, report) => {
  for (const name of Object.keys(stack.databases)) checkCopy(name, stack, report);
};

function checkCopy(name: string, { databases, server }: Stack, report: Report): void {
  const [source] = sourceOf(databases, name);
  if (source === undefined) return;
  const key = `databases.${name}.copyOf.database`;
  const cycle = findCycle(name, (each) => sourceOf(databases, each));
  if (SYSTEM_DATABASES.includes(source)) report(key, `"${source}": this is a system database; copy another database`);
  else if (cycle) report(key, `the database would be a copy of itself: ${cycle.join(" -> ")}`);
  else if (source === server.cronDatabase)
    report(
      key,
      `"${source}": pg_cron's launcher stays connected to this database, and PostgreSQL copies no database that has sessions; ` +
        "copy another database, or set server.cronDatabase to another database",
    );
}
