import { hasRelation, hasRoutine } from "../../exists";
import { mustBelongToJob, type OwnerJob } from "../../job-owner";
import { type Operation, differences } from "../../kind";
import { whyDown } from "../../readiness";
import { asOwner } from "../../run-role";
import { withDatabase, isNoDatabase } from "../../session";
import { type Step, ownerOf, plan } from "./catalog";
import type { PartitionSetInputs } from "./inputs";

/** A preview shows at most this many steps of a plan. */
const MAX_SHOWN_STEPS = 30;

function describeStep({ action, partition, bound, row_count: rows, size }: Step): string {
  const range = bound.replace("FOR VALUES ", "");
  if (action === "hold") return `${partition}: ${bound}`;
  if (action === "alter") return `alter ${partition}: ${bound}`;
  if (action === "create")
    return `create ${partition} ${range}${rows === "0" ? "" : `, with ${rows} rows out of DEFAULT`}`;
  return `${action} ${partition} ${range}, about ${rows} rows, ${size}`;
}

function listSteps(first: string, steps: Step[]): [string, ...string[]] {
  const more = steps.length > MAX_SHOWN_STEPS ? [`and ${steps.length - MAX_SHOWN_STEPS} more`] : [];
  return [first, ...steps.slice(0, MAX_SHOWN_STEPS).map(describeStep), ...more];
}

export async function explain(
  old: PartitionSetInputs | undefined,
  inputs: PartitionSetInputs,
  { host, preview, info, warn, hazard }: Operation,
): Promise<void> {
  if (!preview || (await whyDown(host))) return;
  for (const [partition, what] of Object.entries(old?.byHand ?? {})) warn(`${partition}: ${what}`);
  const missing = `${inputs.parent}: the table does not exist; the update fails unless one of its migrations creates it`;
  try {
    await withDatabase(host, inputs.database, async (client) => {
      if (!(await hasRelation(client, inputs.parent))) return warn(missing);
      if (!(await hasRoutine(client, "pgwright.partition_plan")))
        return info(`the update creates its partitions; previews list them once this database has a set of partitions`);
      const owner = await ownerOf(client, inputs.parent);
      if (inputs.maintainer === undefined) await mustBelongToJob(client, [inputs.parent], MAINTENANCE);
      const steps = await asOwner(host, inputs.database, owner, (run) => plan(run, inputs));
      // Without a changed retention, the runs drop these partitions with or without this update.
      const retentionChanged = differences(old?.retention, inputs.retention).length > 0;
      const lost = steps.filter(({ action }) => retentionChanged && action === "drop");
      if (lost.length > 0) hazard("loss", ...listSteps(`${inputs.parent}: its retention drops`, lost));
      for (const step of steps.filter(({ action }) => action === "hold")) warn(describeStep(step));
      const others = steps.filter((step) => !lost.includes(step) && step.action !== "hold");
      if (others.length > 0) info(...listSteps("the update runs these steps:", others));
    });
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    warn(missing);
  }
}

const MAINTENANCE: OwnerJob = {
  does: "maintains partitions",
  runs: "the triggers, defaults and expressions",
  key: "partitions.role",
  needs: (_table, owner) => `become ${owner}`,
};
