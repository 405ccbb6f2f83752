import type { Client } from "pg";
import type { Kind, Operation } from "../../kind";
import { formatCount } from "../../format-count";
import type { Host } from "../../host";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { SqlFileError } from "../../sql-file";
import { setRestorePoint } from "../../restore-point";
import { reportReconciled } from "../access";
import type { DeclaredAccess } from "../access/inputs";
import { reconcile, type Reconciled } from "../access/reconcile";
import { endSessions, retiredRoles } from "../access/removals";
import { NOTHING, readCatalog, type Catalog } from "./catalog";
import type { StatementOperation } from "./statement-operations";
import { LockAnalysis, type Step } from "./lock-analysis";
import { blocksFrom, parseMigrations, type MigrationFile, type Section } from "./file";
import { fileNameOf, fileOf, parseFileName, sameVersion } from "./file-name";
import { readApplied } from "./foreign-ledger";
import { declaration, type MigrationsInputs, type MigrationsState } from "./inputs";
import { readLedger, type Applied } from "./ledger";
import { findForbidden, readRoleFact } from "./permitted";
import { planMigrations } from "./plan";
import { runMigrations } from "./run";
import { readSchemas, setsSearchPath, type Qualify } from "./search-path";

/** The files to apply and to undo, with the progress of interrupted runs. */
function listPending(files: MigrationFile[], ledger: Applied[], target: string | undefined): Pending[] {
  const { up, down } = planMigrations(files, ledger, target);
  const begun = ({ version }: MigrationFile) => {
    const row = ledger.find((each) => sameVersion(each.version, version));
    return { from: row?.statements ?? 0, rows: row?.batch?.rows ?? 0 };
  };
  return [
    ...down.map((file) => ({ verb: "undo", file, section: file.down, from: 0, rows: 0 }) as const),
    ...up.map((file) => ({ verb: "apply", file, section: file.up, ...begun(file) }) as const),
  ];
}

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

/** A file to apply or to undo. */
interface Pending {
  verb: "apply" | "undo";
  file: MigrationFile;
  section: Section;
  /** Number of statements that an interrupted run completed. */
  from: number;
  /** Rows that the next statement, in batches, changed before the interruption. */
  rows: number;
}

/** Describes a pending file. `role`: the role that runs it. */
function describePending({ verb, file, section: { statements, blocks }, from, rows }: Pending, role: string): string {
  const begun = rows > 0 ? `, which has changed ${formatCount(rows)} rows already` : "";
  const behind = from > 0 || rows > 0 ? `, from statement ${from + 1} on${begun}` : "";
  const count = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  const separate = blocks[0]?.transaction ? "" : ", each committed separately";
  const parts =
    blocks.length > 1 ? `, in ${blocks.length} parts, each with or without a transaction of its own` : separate;
  return `will ${verb} ${file.file}: ${count} as ${role}${parts}${behind}`;
}

/** The remaining statements of a file, by block. */
function remainingSteps(
  { file: { file }, section, from }: Pending,
  qualify: Qualify,
): { steps: Step[]; transaction: boolean }[] {
  return blocksFrom(section, from).map(({ statements, transaction }) => ({
    steps: statements.map(({ line, operations, runs }) => ({
      at: `${file} line ${line}`,
      operations: operations.map(qualify),
      runs,
    })),
    transaction,
  }));
}

interface CatalogFacts {
  /** Undefined if it cannot be read. */
  catalog?: Catalog;
  qualify: Qualify;
}

/** Reads the catalog for the tables of the operations. A new database, or a copy, has no users yet: its catalog is NOTHING. */
async function readCatalogFacts(
  database: string,
  operations: StatementOperation[],
  path: string[],
  isNew: boolean,
  host: Host,
): Promise<CatalogFacts> {
  const qualify: Qualify = (operation) => operation;
  const nothing = { catalog: NOTHING, qualify };
  if (operations.length === 0) return nothing;
  if (await whyDown(host)) return isNew ? nothing : { qualify };
  try {
    return await withDatabase(host, database, async (client) => {
      const found = await readSchemas(client, operations, path);
      return { catalog: await readCatalog(client, operations.map(found)), qualify: found };
    });
  } catch (error) {
    if (isNoDatabase(error)) return nothing;
    throw error;
  }
}

/** Reports the pending files, and the locks and losses that they cause on existing tables. */
async function explainPending(
  pending: Pending[],
  { database, role, searchPath = [] }: MigrationsInputs,
  isNew: boolean,
  operation: Operation,
): Promise<void> {
  const fact = await ask(operation.host, "postgres", (client) => readRoleFact(client, role), undefined);
  const problem = findForbidden(pending, role, fact);
  if (problem) throw new Error(problem);
  const statements = pending.flatMap(({ section, from }) => section.statements.slice(from));
  const path = statements.some(setsSearchPath) ? [] : searchPath;
  const operations = statements.flatMap((statement) => statement.operations);
  const { catalog, qualify } = await readCatalogFacts(database, operations, path, isNew, operation.host);
  if (!catalog)
    operation.info(
      `database ${database}: sizes of tables are unknown, because the server is down or a session holds a lock on a table`,
    );
  const analysis = new LockAnalysis(database, catalog, path.length > 0);
  for (const each of pending) {
    operation.info(describePending(each, fact?.superuser ? `${role}, a superuser` : role));
    const findings = remainingSteps(each, qualify).flatMap(({ steps, transaction }) =>
      analysis.analyze(steps, transaction),
    );
    for (const { hazard, text } of findings) {
      if (hazard) operation.hazard(hazard, text);
      else operation.info(text);
    }
  }
}

/** Hashes of the applied files, by name. */
function appliedFiles(ledger: Applied[]): Record<string, string> {
  const done = ledger.filter(({ finished }) => finished);
  return Object.fromEntries(done.map(({ version, name, hash }) => [fileNameOf({ version, name }), hash]));
}

/** Replaces names and hashes that are missing: dbmate records versions only, so the file of a version counts as applied. */
function matchFiles(applied: Record<string, string>, wanted: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(applied).map(([file, hash]) => {
      const found = hash === "" ? fileOf(Object.keys(wanted), parseFileName(file)?.version ?? "") : undefined;
      return [found ?? file, found === undefined ? hash : (wanted[found] ?? hash)];
    }),
  );
}

/** Rows of the ledger for applied files. */
function asApplied(files: Record<string, string>): Applied[] {
  return Object.entries(files).flatMap(([file, hash]) => {
    const named = parseFileName(file);
    return named ? [{ ...named, hash, statements: 0, finished: true }] : [];
  });
}

/** Reads the ledger: `lastKnown` while the server is down, undefined if the database does not exist. */
async function readLedgerOf(
  database: string,
  lastKnown: Applied[],
  { host }: Operation,
): Promise<Applied[] | undefined> {
  try {
    return (await ask(host, database, readLedger, lastKnown)) ?? [];
  } catch (error) {
    if (isNoDatabase(error)) return undefined;
    throw error;
  }
}

/** The ledger that the copy will have, which is that of its source. */
async function ledgerOfCopy({ copyOf }: MigrationsInputs, operation: Operation): Promise<Applied[]> {
  if (!copyOf) return [];
  const source = (await readLedgerOf(copyOf.database, [], operation)) ?? [];
  const versions = source.map(({ version }) => BigInt(version));
  return [...source, ...asApplied(copyOf.applied).filter(({ version }) => !versions.includes(BigInt(version)))];
}

/** The versions that count as applied before the update; reported if pgwright.migrations does not have them yet. */
async function readAppliedBefore(
  files: MigrationFile[],
  old: MigrationsState | undefined,
  inputs: MigrationsInputs,
  operation: Operation,
): Promise<Applied[]> {
  const { database, baseline } = inputs;
  const lastKnown = old ? asApplied(old.applied) : await ledgerOfCopy(inputs, operation);
  const unknown = { ledger: lastKnown, notes: [] as string[] };
  try {
    const read = (client: Client) => readApplied(client, database, files, baseline);
    const { ledger, notes } = await ask(operation.host, database, read, { ...unknown, foreign: false });
    notes.forEach((note) => operation.info(note));
    return ledger;
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
  }
  if (baseline !== undefined)
    operation.info(
      `migrations.baseline is ${baseline}: if restoreFrom or copyOf creates database ${database} with tables and without pgwright.migrations, files up to ${baseline} count as applied; in an empty database they run`,
    );
  return ledgerOfCopy(inputs, operation);
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
