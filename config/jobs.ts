import type { DatabaseConfig } from "./stack";

/** A cron job of a database, as it is declared or as its sets of partitions need it. */
export interface Job {
  name: string;
  /** Where the stack file says so, below the database. */
  key: string;
  schedule: string;
  command: string;
  role: string;
  active: boolean;
}

/** All jobs of a database. */
export function jobsOf(name: string, { jobs, owner, partitions }: DatabaseConfig): Job[] {
  const declared = Object.entries(jobs).map(([job, { role = owner, ...rest }]) => ({
    name: job,
    key: `jobs.${job}`,
    role,
    ...rest,
  }));
  if (!partitions) return declared;
  const { schedule, role = owner } = partitions;
  const command = "CALL pgwright.maintain_partitions()";
  return [
    ...declared,
    { name: `pgwright: partitions of ${name}`, key: "partitions", schedule, command, role, active: true },
  ];
}
