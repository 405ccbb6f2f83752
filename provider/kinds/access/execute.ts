import type { Operation } from "../../kind";
import { setRestorePoint } from "../../restore-point";
import { withDatabase } from "../../session";
import { reportStatements } from "./report";
import type { DeclaredAccess, AccessInputs, AccessState } from "./inputs";
import { linesOf, formatDescription } from "./grant";
import { type Reconciled, reconcile } from "./reconcile";
import { retiredRoles, endSessions, removedSchemas } from "./removals";

/** Reports during an update what the preview reported: the privileges that roles gain and lose, with the statements. */
export function reportReconciled(
  { lines, done }: Reconciled,
  { database }: DeclaredAccess,
  former: DeclaredAccess | undefined,
  { info, hazard }: Operation,
): void {
  for (const line of lines) hazard("access", line);
  if (former) reportStatements(`was run in database ${database}:`, done, info);
}

export async function apply(
  inputs: AccessInputs,
  former: AccessInputs | undefined,
  operation: Operation,
): Promise<AccessState> {
  const { host, info, warn } = operation;
  const reconciled = await withDatabase(host, inputs.database, async (client) => {
    const retired = retiredRoles(former, inputs);
    if (retired.length > 0) await endSessions(client, retired);
    if (removedSchemas(former, inputs).length > 0)
      await setRestorePoint(client, `drop of schemas of ${inputs.database}`, info);
    return reconcile(client, inputs, former, inputs);
  });
  reportReconciled(reconciled, inputs, former, operation);
  const { kept } = reconciled;
  for (const each of linesOf(kept ?? {})) warn(`not declared in the stack file, and not revoked: ${each}`);
  return { ...inputs, further: kept && formatDescription(kept) };
}
