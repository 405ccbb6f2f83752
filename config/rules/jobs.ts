import type { DatabaseConfig } from "../databases";
import { jobsOf } from "../jobs";
import { scheduleProblem } from "../schedule";
import type { Stack } from "../stack";
import { inheritedRoles, needsRole, type Rule } from "./rule";

/** Cron jobs: their schedules, roles and names. */
export const checkJobs: Rule = (stack, report) => {
  const databaseOf = new Map<string, string>();
  for (const [name, database] of Object.entries(stack.databases)) {
    const key = `databases.${name}`;
    for (const { name: job, key: at, roleKey, schedule, role } of jobsOf(name, database)) {
      const problem = scheduleProblem(schedule);
      if (problem) report(`${key}.${at}.schedule`, `"${schedule}": ${problem}`);
      needsRole(stack, report, `${key}.${roleKey}`, role);
      if (stack.roles[role]?.login === false)
        report(
          `${key}.${roleKey}`,
          `"${role}" has login: false, and a job needs a session; give it login: true with password: false`,
        );
      if (stack.roles[role]?.login && !mayConnect(role, database, stack))
        report(
          `${key}.${roleKey}`,
          `"${role}" may not connect to database ${name}; grant it: grants: {${role}: {database: [CONNECT]}}`,
        );
      const other = databaseOf.get(job);
      if (other)
        report(`${key}.${at}`, `database ${other} has a job of this name already; names are unique on a server`);
      databaseOf.set(job, name);
    }
  }
};

/** True if a role owns the database or has CONNECT on it, directly or by an inherited role. */
function mayConnect(role: string, database: DatabaseConfig, stack: Stack): boolean {
  const roles = ["public", ...inheritedRoles(role, stack)];
  return roles.includes(database.owner) || roles.some((each) => database.grants[each]?.database.includes("CONNECT"));
}
