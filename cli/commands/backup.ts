import { AGENT_JOBS } from "../../config/agent-schedules";
import type { Invocation } from "../invocation";
import { runInAgent } from "../server";

/** `npm run backup -- full|differential|incremental|verify`: makes a backup now, or verifies the existing ones. */
export async function backup({ stack, args: [job = "full", ...more] }: Invocation): Promise<number> {
  if (!(AGENT_JOBS as readonly string[]).includes(job) || more.length > 0)
    throw new Error(`backup "${[job, ...more].join(" ")}": unknown job; use one of ${AGENT_JOBS.join(", ")}`);
  return runInAgent(stack, "backup.sh", job);
}
