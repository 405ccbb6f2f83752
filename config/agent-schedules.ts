import type { BackupConfig } from "./backup";

/** Jobs that the backup agent runs on a schedule. */
export const AGENT_JOBS = ["full", "differential", "incremental", "verify", "drill", "dump"] as const;
export type AgentJob = (typeof AGENT_JOBS)[number];

/** The declared schedules, by job, as five cron fields. */
export function agentSchedules(config: BackupConfig): Partial<Record<AgentJob, string>> {
  const of = (job: AgentJob) => {
    if (job === "drill") return config.drill?.schedule;
    return job === "dump" ? config.dumps?.schedule : config[job];
  };
  return Object.fromEntries(AGENT_JOBS.flatMap((job) => (of(job) ? [[job, of(job)]] : [])));
}
