import type { Client } from "pg";
import type { Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { withDatabase, isNoDatabase } from "../../session";
import { readApplied } from "./catalog";
import type { AccessInputs, AccessState } from "./inputs";
import { missingObjects, readComparison, readGroups, shownStatementsOf } from "./reconcile";
import { explainRetired, retiredRoles, explainDrop, removedSchemas } from "./removals";
import { describeChanges } from "./privilege-changes";

/** Longest list of statements in a message. */
const SHOWN = 40;

export function reportStatements(title: string, statements: string[], info: Operation["info"]): void {
  if (statements.length === 0) return;
  const more = statements.length - SHOWN;
  const lines = statements.slice(0, SHOWN);
  info(title, ...lines, ...(more > 0 ? [`and ${more} more statements`] : []));
}

/** Throws if objects of grants are missing; warns if this update may create them. */
async function explainMissing(
  client: Client,
  inputs: AccessInputs,
  unknown: string[],
  isNew: boolean,
  warn: (text: string) => void,
): Promise<void> {
  if (unknown.length === 0) return;
  const missing = missingObjects(inputs, unknown);
  if (isNew) return warn(`${missing.message}; the update fails unless the object is created before`);
  const applied = (await readApplied(client)).map(BigInt);
  if (inputs.migrations.every((version) => applied.includes(BigInt(version)))) throw missing;
  warn(`${missing.message}; the update fails unless a pending migration creates the object`);
}

/** Reports that pending migrations run before, whose grants a preview cannot know. */
function explainMigrations(old: AccessState | undefined, { database, migrated, undeclared }: AccessInputs): string[] {
  if (!old || migrated === undefined || old.migrated === migrated) return [];
  const surplus = undeclared === "revoke" ? "revoked" : "reported";
  return [
    `privileges of database ${database} are reconciled again after the migrations; undeclared privileges that a migration grants are ${surplus}`,
  ];
}

/** Reports in a preview the changes and statements of the update, and throws where the update would. */
export async function explain(
  old: AccessState | undefined,
  inputs: AccessInputs,
  { host, info, warn, hazard, preview }: Operation,
): Promise<void> {
  if (!preview || (await whyDown(host))) return;
  const { database } = inputs;
  try {
    await withDatabase(host, database, async (client) => {
      for (const line of await explainRetired(client, retiredRoles(old, inputs), inputs)) warn(line);
      for (const { text, loss } of await explainDrop(client, inputs, removedSchemas(old, inputs)))
        if (loss) hazard("loss", text);
        else info(text);
      const comparison = await readComparison(client, inputs, old);
      await explainMissing(client, inputs, comparison.unknown, !old, warn);
      explainMigrations(old, inputs).forEach((line) => info(line));
      for (const line of describeChanges(comparison, inputs, await readGroups(client))) hazard("access", line);
      reportStatements(`will be run in database ${database}:`, shownStatementsOf(inputs, comparison), info);
    });
  } catch (error) {
    if (old || !isNoDatabase(error)) throw error; // a new database does not exist yet
  }
}
