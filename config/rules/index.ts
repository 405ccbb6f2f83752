import type { Problem } from "../problem";
import { checkBackup } from "./backup";
import { checkCopies } from "./copies";
import { checkDatabases, checkExtensions } from "./databases";
import { checkEphemeral } from "./ephemeral";
import { checkGrants } from "./grants";
import { checkJobs } from "./jobs";
import { checkPartitions } from "./partitions";
import { checkRoles } from "./roles";
import type { CheckedStack, Rule } from "./rule";
import { checkCronDatabase, checkSettings } from "./server";
import { checkTiers } from "./tiers";
import { checkVectors } from "./vectors";

// The rules that need more than one key, one file a subject.
const RULES: Rule[] = [
  checkRoles,
  checkSettings,
  checkEphemeral,
  checkBackup,
  checkCronDatabase,
  checkDatabases,
  checkCopies,
  checkExtensions,
  checkGrants,
  checkPartitions,
  checkTiers,
  checkVectors,
  checkJobs,
];

/** Checks keys against each other: undeclared names, cycles, duplicate names. */
export function crossCheck(stack: CheckedStack): Problem[] {
  const found: Problem[] = [];
  for (const rule of RULES)
    rule(stack, (key, text) => {
      // The jobs of a tiered table share one role, so that the same problem would be reported for each.
      if (!found.some((other) => other.key === key && other.text === text)) found.push({ key, text });
    });
  return found;
}
