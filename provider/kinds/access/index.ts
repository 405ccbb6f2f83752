import type { Client } from "pg";
import type { Kind, Operation } from "../../kind";
import { setRestorePoint } from "../../restore-point";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { newestVersion } from "../migrations/files/file-name";
import { readLedger } from "../migrations/files/ledger";
import { declaration, type AccessInputs, type AccessState, type DeclaredAccess } from "./inputs";
import { formatDescription, linesOf, type Comparison } from "./compare";
import {
  keptUndeclared,
  missingObjects,
  readComparison,
  readGroups,
  reconcile,
  shownStatementsOf,
  type Reconciled,
} from "./reconcile";
import { endSessions, explainDrop, explainRetired, removedSchemas, retiredRoles } from "./removals";
import { describeChanges } from "./report";

/** Longest list of statements in a message. */
const SHOWN = 40;

function reportStatements(title: string, statements: string[], info: Operation["info"]): void {
  if (statements.length === 0) return;
  const more = statements.length - SHOWN;
  const lines = statements.slice(0, SHOWN);
  info(title, ...lines, ...(more > 0 ? [`and ${more} more statements`] : []));
}

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

async function apply(
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

/** Versions of the migrations that were applied completely. */
async function readApplied(client: Client): Promise<string[]> {
  const ledger = (await readLedger(client)) ?? [];
  return ledger.filter(({ finished }) => finished).map(({ version }) => version);
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
async function explain(
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

/** The privileges to compare: with `undeclared: report`, an undeclared privilege is a warning and no difference. */
function comparable(comparison: Comparison, inputs: AccessInputs, warn: (text: string) => void) {
  const { description } = comparison;
  const kept = keptUndeclared(inputs, comparison);
  if (!kept) return { privileges: formatDescription(description), further: undefined };
  for (const each of linesOf(kept)) warn(`not declared in the stack file: ${each}`);
  const declared = Object.entries(description).flatMap(([label, list]) => {
    const wanted = inputs.privileges[label]?.split(", ") ?? [];
    const existing = list.filter((each) => wanted.includes(each));
    return existing.length > 0 ? [[label, existing] as const] : [];
  });
  return { privileges: formatDescription(Object.fromEntries(declared)), further: formatDescription(kept) };
}

const union = (one: string[], other: string[]) => [...new Set([...one, ...other])].sort();

/** All privileges of one database, reconciled in one transaction. */
export const access: Kind<AccessInputs, AccessState> = {
  declaration,
  replaceOn: ["database"],
  notCompared: ["grants", "migrations", "dropSchemas"],
  // A removed role or schema needs an update of this resource; a new one, or migrations that were removed, do not.
  compared: (state, inputs) => ({
    ...state,
    migrated: inputs.migrated && state.migrated,
    roles: state.roles.every((role) => inputs.roles.includes(role)) ? inputs.roles : state.roles,
  }),
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await apply(inputs, undefined, operation);
    return { id: inputs.database, state };
  },
  async read(_id, state, inputs, { host, warn }) {
    // A new role needs no update of this resource, so the state gets it here.
    const known = { ...state, roles: union(state.roles, inputs.roles) };
    try {
      return await ask(
        host,
        inputs.database,
        async (client) => ({
          ...known,
          ...comparable(await readComparison(client, inputs), inputs, warn),
          migrated: inputs.migrations.length > 0 ? newestVersion(await readApplied(client)) : undefined,
        }),
        known,
      );
    } catch (error) {
      if (!isNoDatabase(error)) throw error;
      return undefined; // the resource Database reports it
    }
  },
  async update(_id, old, inputs, operation) {
    return operation.preview ? inputs : apply(inputs, old, operation);
  },
  // DROP DATABASE removes the privileges.
  delete: async () => undefined,
};
