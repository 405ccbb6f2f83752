import type { StackInput } from "../config/stack";
import type { Facts, JobFact } from "./facts";
import type { Report } from "./told";

type Databases = NonNullable<StackInput["databases"]>;
type Job = NonNullable<Databases[string]["jobs"]>[string];

function writeJob({ schedule, command, role }: JobFact, owner: string): Job {
  return { schedule, command, ...(role === owner ? {} : { role }), active: false };
}

/** A name that no other job has. */
function nameFor({ id }: JobFact, jobs: JobFact[]): string {
  const taken = (name: string) => jobs.some((job) => job.name === name);
  let name = `job-${id}`;
  while (taken(name)) name = `${name}-`;
  return name;
}

/** Adds the jobs to their databases. None runs before somebody says so: those of the source run on. */
export function writeJobs(databases: Databases, { jobs }: Facts, report: Report): void {
  const isOnly = (name: string) => jobs.filter((job) => job.name === name).length === 1;
  for (const fact of jobs) {
    const { id, database, role, active } = fact;
    const name = fact.name ?? nameFor(fact, jobs);
    const written = databases[database];
    const what = `job ${name} (${fact.schedule}, as ${role}: ${fact.command})`;
    const stays = "stays, switched off, and is not declared";
    if (!written) report.leave(["databases"], `${what} ${stays}: its database ${database} is not`);
    else if (fact.name !== null && !isOnly(name))
      report.leave(["databases", database], `${what} ${stays}: other jobs have the same name`);
    else {
      if (fact.name === null)
        report.leave(
          ["databases", database],
          `job ${id} has no name and gets the name ${name}; the one without a name stays in a copy, switched off: SELECT cron.unschedule(${id}) removes it`,
        );
      written.jobs = { ...written.jobs, [name]: writeJob(fact, written.owner) };
      if (active)
        report.leave(
          ["databases", database],
          `job ${name} is switched off, since it runs on in the source: take active: false out once that is gone`,
        );
    }
  }
}
