import type { StackInput } from "../config/stack";
import type { Facts, JobFact } from "./facts";
import type { Report } from "./report";

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

/** Adds the jobs to their databases, all inactive: the jobs of the source still run. */
export function writeJobs(databases: Databases, { jobs }: Facts, report: Report): void {
  const isOnly = (name: string) => jobs.filter((job) => job.name === name).length === 1;
  for (const fact of jobs) {
    const { id, database, role, active } = fact;
    const name = fact.name ?? nameFor(fact, jobs);
    const written = databases[database];
    const what = `job ${name} (${fact.schedule}, as ${role}: ${fact.command})`;
    const state = "is not declared and stays inactive";
    if (!written) report.addNote(["databases"], `${what} ${state}: its database ${database} is not declared`);
    else if (fact.name !== null && !isOnly(name))
      report.addNote(["databases", database], `${what} ${state}: other jobs have the same name`);
    else {
      if (fact.name === null)
        report.addNote(
          ["databases", database],
          `job ${id} has no name and is declared as ${name}; in a copy the unnamed job stays inactive; remove it with SELECT cron.unschedule(${id})`,
        );
      written.jobs = { ...written.jobs, [name]: writeJob(fact, written.owner) };
      if (active)
        report.addNote(
          ["databases", database],
          `job ${name} is declared inactive, as it still runs on the source; remove active: false once the source is stopped`,
        );
    }
  }
}
