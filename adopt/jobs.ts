import type { StackInput } from "../config/stack";
import type { Facts, JobFact } from "./facts";
import type { Report } from "./told";

type Databases = NonNullable<StackInput["databases"]>;
type Job = NonNullable<Databases[string]["jobs"]>[string];

function writeJob({ schedule, command, role }: JobFact, owner: string): Job {
  return { schedule, command, ...(role === owner ? {} : { role }), active: false };
}

/** Adds the jobs to their databases. None runs before somebody says so: those of the source run on. */
export function writeJobs(databases: Databases, { jobs }: Facts, report: Report): void {
  const isOnly = (name: string) => jobs.filter((job) => job.name === name).length === 1;
  for (const fact of jobs) {
    const { id, name, database, role, active } = fact;
    const written = databases[database];
    const what = `job ${name ?? id} (${fact.schedule}, as ${role}: ${fact.command})`;
    const stays = "stays, switched off, and is not declared";
    if (name === null) report.leave(["databases"], `${what} ${stays}: it has no name`);
    else if (!written) report.leave(["databases"], `${what} ${stays}: its database ${database} is not`);
    else if (!isOnly(name)) report.leave(["databases", database], `${what} ${stays}: other jobs have the same name`);
    else {
      written.jobs = { ...written.jobs, [name]: writeJob(fact, written.owner) };
      if (active)
        report.leave(
          ["databases", database],
          `job ${name} is switched off, since it runs on in the source: take active: false out once that is gone`,
        );
    }
  }
}
