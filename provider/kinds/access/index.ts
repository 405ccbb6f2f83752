import type { Client } from "pg";
import type { Kind, Operation } from "../../kind";
import { setRestorePoint } from "../../restore-point";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { newestVersion } from "../migrations/file-name";
import { readLedger } from "../migrations/ledger";
import type { AccessInputs, AccessState } from "./inputs";
import { inShort, linesOf, type Comparison } from "./privileges";
import { leftBy, look, missingObjects, readGroups, reconcile, shownStatementsOf, type Reconciled } from "./reconcile";
import { endSessions, explainDrop, explainRetired, removedSchemas, retiredRoles } from "./removals";
import { describeChanges } from "./describe";

export type { AccessInputs, AccessState } from "./inputs";
export { reconcile } from "./reconcile";

/** Statements are shown up to this many. */
const SHOWN = 40;

function tell(what: string, statements: string[], info: Operation["info"]): void {
  if (statements.length === 0) return;
  const more = statements.length - SHOWN;
  const lines = statements.slice(0, SHOWN);
  info(what, ...lines, ...(more > 0 ? [`and ${more} more statements`] : []));
}

/** Says in an update what a preview says before: who gains and who loses what, with the statements. */
export function tellReconciled(
  { lines, done }: Reconciled,
  { database }: AccessInputs,
  former: AccessInputs | undefined,
  { info, hazard }: Operation,
): void {
  for (const line of lines) hazard("access", line);
  if (former) tell(`was run in database ${database}:`, done, info);
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
      await setRestorePoint(client, `schemas of ${inputs.database} go`, info);
    return reconcile(client, inputs, former);
  });
  tellReconciled(reconciled, inputs, former, operation);
  const { left } = reconciled;
  for (const each of linesOf(left ?? {})) warn(`not declared, left as it is: ${each}`);
  return { ...inputs, further: left && inShort(left) };
}

/** Versions of the migrations that were applied as a whole. */
async function readApplied(client: Client): Promise<string[]> {
  const ledger = (await readLedger(client)) ?? [];
  return ledger.filter(({ finished }) => finished).map(({ version }) => version);
}

/** Objects that grants name and that are not there: refused, unless the update may make them. */
async function explainMissing(
  client: Client,
  inputs: AccessInputs,
  unknown: string[],
  isNew: boolean,
  warn: (text: string) => void,
): Promise<void> {
  if (unknown.length === 0) return;
  const missing = missingObjects(inputs, unknown);
  if (isNew) return warn(`${missing.message}: unless it is made before, the update will fail`);
  const applied = (await readApplied(client)).map(BigInt);
  if (inputs.migrations.every((version) => applied.includes(BigInt(version)))) throw missing;
  warn(`${missing.message}: unless a pending migration makes it, the update will fail`);
}

/** Says that migrations run before, whose grants nobody knows yet. */
function explainMigrations(old: AccessState | undefined, { database, migrated, undeclared }: AccessInputs): string[] {
  if (!old || migrated === undefined || old.migrated === migrated) return [];
  const surplus = undeclared === "revoke" ? "revoked" : "reported";
  return [
    `privileges of database ${database} are reconciled again after the migrations: what these grant and no grant declares is ${surplus}`,
  ];
}

/** Says in a preview what an update will change and run, and refuses what it would refuse. */
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
      const comparison = await look(client, inputs, old);
      await explainMissing(client, inputs, comparison.unknown, !old, warn);
      explainMigrations(old, inputs).forEach((line) => info(line));
      for (const line of describeChanges(comparison, inputs, await readGroups(client))) hazard("access", line);
      tell(`will be run in database ${database}:`, shownStatementsOf(inputs, comparison), info);
    });
  } catch (error) {
    if (old || !isNoDatabase(error)) throw error; // a database that will be made
  }
}

/** What counts as there: with `undeclared: report`, what nobody declared is a warning and no difference to the stack file. */
function shown(comparison: Comparison, inputs: AccessInputs, warn: (text: string) => void) {
  const { description } = comparison;
  const left = leftBy(inputs, comparison);
  if (!left) return { privileges: inShort(description), further: undefined };
  for (const each of linesOf(left)) warn(`not declared: ${each}`);
  const declared = Object.entries(description).flatMap(([words, list]) => {
    const wanted = inputs.privileges[words]?.split(", ") ?? [];
    const there = list.filter((each) => wanted.includes(each));
    return there.length > 0 ? [[words, there] as const] : [];
  });
  return { privileges: inShort(Object.fromEntries(declared)), further: inShort(left) };
}

const union = (one: string[], other: string[]) => [...new Set([...one, ...other])].sort();

/** All privileges of one database, reconciled in one transaction. */
export const access: Kind<AccessInputs, AccessState> = {
  replaceOn: ["database"],
  notCompared: ["grants", "migrations", "dropSchemas"],
  // A new role or schema needs nothing done here; one that has gone does. Nor do migrations that the stack file has no more.
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
    // Roles that came without an update, since they need none, are known from now on.
    const known = { ...state, roles: union(state.roles, inputs.roles) };
    try {
      return await ask(
        host,
        inputs.database,
        async (client) => ({
          ...known,
          ...shown(await look(client, inputs), inputs, warn),
          migrated: inputs.migrations.length > 0 ? newestVersion(await readApplied(client)) : undefined,
        }),
        known,
      );
    } catch (error) {
      if (!isNoDatabase(error)) throw error;
      return undefined; // its own resource says so
    }
  },
  async update(_id, old, inputs, operation) {
    return operation.preview ? inputs : apply(inputs, old, operation);
  },
  // The privileges go with the database.
  delete: async () => undefined,
};
