import { AGENT_JOBS } from "../../config/agent-schedules";
import type { Invocation } from "../options";
import { runInAgent } from "../server";

/** `npm run backup -- full|differential|incremental|verify`: makes a backup now, or verifies the existing ones. */
export async function backup({ stack, args: [job = "full"] }: Invocation): Promise<number> {
  if (!(AGENT_JOBS as readonly string[]).includes(job))
    throw new Error(`backup "${job}": unknown job; use one of ${AGENT_JOBS.join(", ")}`);
  return runInAgent(stack, "backup.sh", job);
}
