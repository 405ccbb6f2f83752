import type { Client } from "pg";
import type { Kind, Operation } from "../../kind";
import { withDatabase } from "../../session";
import { SqlFileError } from "../../sql-file";
import { setRestorePoint } from "../../restore-point";
import { reportReconciled } from "../access/execute";
import type { DeclaredAccess } from "../access/inputs";
import { reconcile, type Reconciled } from "../access/reconcile";
import { endSessions, retiredRoles } from "../access/removals";
import { appliedFiles, asApplied, matchFiles, readAppliedBefore, readLedgerOf } from "./applied";
import { parseMigrations } from "./files/file";
import { readApplied } from "./files/foreign-ledger";
import { declaration, type MigrationsInputs, type MigrationsState } from "./inputs";
import { listPending } from "./pending";
import { explainPending } from "./report";
import { findForbidden, readRoleFact } from "./run/permitted";
import { runMigrations } from "./run/run";

async function apply(
  inputs: MigrationsInputs,
  former: DeclaredAccess | undefined,
  operation: Operation,
): Promise<void> {
  const { host, info, warn } = operation;
  const { database, role, searchPath, target, baseline, access } = inputs;
  const settle = (client: Client) => reconcile(client, access, former);
  const report = (reconciled: Reconciled) => reportReconciled(reconciled, access, former, operation);
  const files = await parseMigrations(inputs.files);
  await withDatabase(host, database, async (client) => {
    const { ledger } = await readApplied(client, database, files, baseline);
    const pending = listPending(files, ledger, target);
    const problem = findForbidden(pending, role, await readRoleFact(client, role));
    if (problem) throw new Error(problem);
    // The objects of a removed role change their owner before the migrations run, which may alter them.
    const retired = retiredRoles(former, access);
    if (retired.length > 0) await endSessions(client, retired);
    report(await settle(client));
    if (former && pending.length > 0) await setRestorePoint(client, `migrations of ${database}`, info);
  });
  try {
    await runMigrations(host, { database, role, searchPath, target, baseline }, files, info);
  } catch (error) {
    // Objects of the files that were applied get their privileges even so.
    await withDatabase(host, database, settle).then(report, ({ message }: Error) => warn(message));
    throw error;
  }
  report(await withDatabase(host, database, settle));
}

/** The migrations of one database: each file of the folder is applied once, in the order of versions. */
export const migrations: Kind<MigrationsInputs, MigrationsState> = {
  declaration,
  replaceOn: ["database"],
  notCompared: ["role", "searchPath", "files", "target", "baseline", "access", "copyOf"],
  compared: (state, inputs) => ({ ...state, applied: matchFiles(state.applied, inputs.applied) }),
  async check({ files, target, baseline }) {
    try {
      const parsed = await parseMigrations(files);
      const versions = parsed.map(({ version }) => version);
      const unknown = (version: string | undefined) => version !== undefined && !versions.includes(version);
      const allowed = `is not a version in the folder; write one of ${versions.join(", ")}`;
      return [
        ...(unknown(target) ? [{ property: "target", reason: `"${target}" ${allowed}` }] : []),
        ...(baseline !== "0" && unknown(baseline)
          ? [{ property: "baseline", reason: `"${baseline}" ${allowed}, or "0" for none` }]
          : []),
      ];
    } catch (error) {
      if (error instanceof SqlFileError) return [{ property: "files", reason: error.message }];
      throw error;
    }
  },
  async explain(old, inputs, operation) {
    if (!operation.preview) return;
    const files = await parseMigrations(inputs.files);
    const ledger = await readAppliedBefore(files, old, inputs, operation);
    await explainPending(listPending(files, ledger, inputs.target), inputs, !old, operation);
  },
  async create(inputs, operation) {
    if (!operation.preview) await apply(inputs, undefined, operation);
    return { id: inputs.database, state: inputs };
  },
  async read(_id, state, inputs, operation) {
    const ledger = await readLedgerOf(inputs.database, asApplied(state.applied), operation);
    return ledger && { ...state, applied: appliedFiles(ledger) };
  },
  async update(_id, old, inputs, operation) {
    if (!operation.preview) await apply(inputs, old.access, operation);
    return inputs;
  },
  // DROP DATABASE drops the objects of the migrations.
  delete: async () => undefined,
};
