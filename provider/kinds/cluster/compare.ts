import { type Labels, EPHEMERAL, EXPIRES } from "../../ephemeral-labels";
import type { Origin, ClusterState, ClusterInputs } from "./inputs";

const sameOrigin = (a: Origin | undefined, b: Origin | undefined) =>
  JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

const sorted = (origin: Origin | undefined) => origin && Object.entries(origin).sort();

/** True if the change creates a restored cluster. */
export function restores(old: ClusterState | undefined, { restoreFrom }: ClusterInputs): boolean {
  return restoreFrom !== undefined && (!old?.present || !sameOrigin(old.restoreFrom, restoreFrom));
}

/** Throws if the labels changed: the engine cannot change labels of existing objects. */
export function mustHaveLabels(old: Labels | undefined, labels: Labels | undefined): void {
  const describe = (all: Labels | undefined) =>
    all?.[EPHEMERAL] ? `ephemeral until ${all[EXPIRES]}` : "not ephemeral";
  if (describe(old) === describe(labels)) return;
  throw new Error(
    `pgwright:ephemeral: the stack was created ${describe(old)} and is now declared ${describe(labels)}; revert the key, or create ` +
      "another stack (npm run ephemeral -- up NAME --for TIME creates one, or extends its expiry)",
  );
}
