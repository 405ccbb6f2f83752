import { problemOf } from "../../../backup/drill";
import { type Drill, parseDrills } from "../../../backup/ledgers";
import { LEDGER_PATH } from "../../../backup/paths";
import type { Host } from "../../host";
import type { RestoreDrillInputs } from "./inputs";

export const inAgent = async (host: Host, agent: string, script: string) =>
  (await host.docker(["exec", "--workdir", LEDGER_PATH, agent, "sh", "-c", script])).toString();

/** Printed instead of a ledger that the next agent has yet to convert. */
const FORMER_LEDGER = "former";

/** The recorded drills, oldest first; undefined if the agent is of an earlier version: the next one converts its ledgers. */
export async function readDrills(host: Host, agent: string): Promise<Drill[] | undefined> {
  const text = await inAgent(
    host,
    agent,
    `if [ -s drills.tsv ]; then printf ${FORMER_LEDGER}; elif [ -e drills.jsonl ]; then cat drills.jsonl; fi`,
  );
  return text === FORMER_LEDGER ? undefined : parseDrills(text);
}

/** Why the recorded drills do not suffice; undefined if they do. */
export async function readProblem(host: Host, { agent, maxAge }: RestoreDrillInputs): Promise<string | undefined> {
  const drills = await readDrills(host, agent);
  return drills && problemOf(drills, maxAge, new Date());
}
