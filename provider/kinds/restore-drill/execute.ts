import { type Drill, parseRuns } from "../../../backup/ledgers";
import { type Host, CommandError } from "../../host";
import { inAgent, readDrills } from "./ledger";

/** Runs a drill now; throws with the checks that failed. */
export async function runDrill(host: Host, agent: string): Promise<Drill | undefined> {
  try {
    await host.docker(["exec", agent, "backup.sh", "drill"]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const { message } = parseRuns(await inAgent(host, agent, "cat runs.jsonl 2>/dev/null || true")).at(-1) ?? {};
    throw new Error(`the restore drill failed: ${message?.trim().replaceAll("\n", "; ")}`);
  }
  return (await readDrills(host, agent))?.at(-1);
}
