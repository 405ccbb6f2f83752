import type { BackupConfig } from "../config/backup";
import { timesOf } from "../config/schedule";

/** What the agent does by the clock. */
export const AGENT_JOBS = ["full", "differential", "incremental", "verify", "drill", "dump"] as const;
export type AgentJob = (typeof AGENT_JOBS)[number];

/** The schedules that a stack file gives, by job, as five cron fields. */
export function agentSchedules(config: BackupConfig): Partial<Record<AgentJob, string>> {
  const of = (job: AgentJob) => {
    if (job === "drill") return config.drill?.schedule;
    return job === "dump" ? config.dumps?.schedule : config[job];
  };
  return Object.fromEntries(AGENT_JOBS.flatMap((job) => (of(job) ? [[job, of(job)]] : [])));
}

/** A schedule as the program snooze takes it: a list of values for each field. */
export function snoozeArguments(schedule: string): string {
  const { minutes, hours, days, months, weekdays } = timesOf(schedule);
  const all = (values: number[], size: number) => (values.length === size ? "*" : values.join(","));
  return [
    `-M${all(minutes, 60)}`,
    `-H${all(hours, 24)}`,
    `-d${all(days, 31)}`,
    `-m${all(months, 12)}`,
    `-w${all(weekdays, 7)}`,
  ].join(" ");
}

/** The agent's file of schedules: a line a job, its name and the arguments of snooze. */
export function renderSchedules(schedules: Record<string, string>): string {
  return Object.entries(schedules)
    .map(([job, schedule]) => `${job} ${snoozeArguments(schedule)}\n`)
    .join("");
}
