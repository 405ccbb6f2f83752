import { spawnSync } from "node:child_process";
import { AGENT_JOBS, type AgentJob } from "../../backup/schedules";
import type { Invocation } from "../main";
import { hostOf } from "../server";

/** Runs a job of a stack's backup agent now, and shows what it prints. */
export function runJob(stack: string, job: AgentJob): number {
  const host = hostOf(stack);
  const agent = `${host.container}-agent`;
  const command = ["exec", agent, "backup.sh", job];
  return spawnSync("docker", command, { env: host.environment(), stdio: "inherit" }).status ?? 1;
}

/** `npm run backup -- full|differential|incremental|verify`: makes a backup now, or checks those there are. */
export async function backup({ stack, args: [job = "full", ...more] }: Invocation): Promise<number> {
  if (!(AGENT_JOBS as readonly string[]).includes(job) || more.length > 0)
    throw new Error(`"${[job, ...more].join(" ")}": write one of ${AGENT_JOBS.join(", ")}`);
  return runJob(stack, job as AgentJob);
}
