import type { Client } from "pg";
import type { Kind, Operation } from "../../kind";
import type { Host } from "../../host";
import { whyDown } from "../../readiness";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { SqlFileError } from "../../sql-file";
import { setRestorePoint } from "../../restore-point";
import { reconcile, tellReconciled, type AccessInputs } from "../access";
import type { Reconciled } from "../access/reconcile";
import { endSessions, retiredRoles } from "../access/removals";
import { NOTHING, readCatalog, type Catalog } from "./catalog";
import type { StatementOperation } from "./statement-operations";
import { LockAnalysis, type Step } from "./lock-analysis";
import { blocksFrom, parseMigrations, type MigrationFile, type Section } from "./file";
import { fileNameOf, fileOf, parseFileName, sameVersion } from "./file-name";
import { readApplied } from "./foreign-ledger";
import { readLedger, type Applied } from "./ledger";
import { forbidden, readRoleFact } from "./permitted";
import { planMigrations } from "./plan";
import { runMigrations } from "./run";
import { readSchemas, setsSearchPath, type Qualify } from "./search-path";

export interface MigrationsInputs {
  database: string;
  /** Runs as this role. */
  role: string;
  /** Schemas that unqualified names are looked up in; none if absent. */
  searchPath?: string[];
  /** Text of each file, by name. */
  files: Record<string, string>;
  /** The newest version that should be applied; undefined: all. */
  target?: string;
  /** In a database with tables and without a ledger of pgwright, files up to this version count as applied. */
  baseline?: string;
  /** Privileges of the database: those that the migrations need themselves have to be there before they run. */
  access: AccessInputs;
  /** Hash of each file that should be applied, by name: what is compared. */
  applied: Record<string, string>;
  /** The database that this one is made as a copy of, and what will have been applied there by then. */
  copyOf?: { database: string; applied: Record<string, string> };
}

export type MigrationsState = MigrationsInputs;

/** What has to run, with how far interrupted runs have come. */
function pendingOf(files: MigrationFile[], ledger: Applied[], target: string | undefined): Pending[] {
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

async function apply(inputs: MigrationsInputs, former: AccessInputs | undefined, operation: Operation): Promise<void> {
  const { host, info, warn } = operation;
  const { database, role, searchPath, target, baseline, access } = inputs;
  const settle = (client: Client) => reconcile(client, access, former, true);
  const tell = (reconciled: Reconciled) => tellReconciled(reconciled, access, former, operation);
  const files = await parseMigrations(inputs.files);
  await withDatabase(host, database, async (client) => {
    const { ledger } = await readApplied(client, database, files, baseline);
    const pending = pendingOf(files, ledger, target);
    const problem = forbidden(pending, role, await readRoleFact(client, role));
    if (problem) throw new Error(problem);
    // What a removed role has owned belongs to the role that the migrations run as, before they run.
    const retired = retiredRoles(former, inputs.access);
    if (retired.length > 0) await endSessions(client, retired);
    tell(await settle(client));
    if (former && pending.length > 0) await setRestorePoint(client, `migrations of ${database}`, info);
  });
  try {
    await runMigrations(host, { database, role, searchPath, target, baseline }, files, info);
  } catch (error) {
    // What was applied before has its privileges.
    await withDatabase(host, database, settle).then(tell, ({ message }: Error) => warn(message));
    throw error;
  }
  tell(await withDatabase(host, database, settle));
}

/** One pending file on its way. */
interface Pending {
  verb: "apply" | "undo";
  file: MigrationFile;
  section: Section;
  /** Statements that were done before. */
  from: number;
  /** Rows that the next one has changed before, in batches. */
  rows: number;
}

/** One pending file, in words. `role`: who runs it. */
function describePending({ verb, file, section: { statements, blocks }, from, rows }: Pending, role: string): string {
  const begun = rows > 0 ? `, which has changed ${rows.toLocaleString("en-US")} rows already` : "";
  const behind = from > 0 || rows > 0 ? `, from statement ${from + 1} on${begun}` : "";
  const count = statements.length === 1 ? "1 statement" : `${statements.length} statements`;
  const alone = blocks[0]?.transaction ? "" : ", each by itself";
  const parts =
    blocks.length > 1 ? `, in ${blocks.length} parts, each with or without a transaction of its own` : alone;
  return `will ${verb} ${file.file}: ${count} as ${role}${parts}${behind}`;
}

/** What is left to do of a file, by its blocks. */
function stepsOf(
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

interface Known {
  /** Undefined where nobody can tell. */
  catalog?: Catalog;
  qualify: Qualify;
}

/** What the catalog says of the tables. Nobody uses yet what will be made, a copy too. */
async function lookUp(
  database: string,
  operations: StatementOperation[],
  path: string[],
  isNew: boolean,
  host: Host,
): Promise<Known> {
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

/** Says what pending files run, and what that means for those who use the tables that are there. */
async function explainPending(
  pending: Pending[],
  { database, role, searchPath = [] }: MigrationsInputs,
  isNew: boolean,
  operation: Operation,
): Promise<void> {
  const fact = await ask(operation.host, "postgres", (client) => readRoleFact(client, role), undefined);
  const problem = forbidden(pending, role, fact);
  if (problem) throw new Error(problem);
  const statements = pending.flatMap(({ section, from }) => section.statements.slice(from));
  const path = statements.some(setsSearchPath) ? [] : searchPath;
  const operations = statements.flatMap((statement) => statement.operations);
  const { catalog, qualify } = await lookUp(database, operations, path, isNew, operation.host);
  if (!catalog) operation.info(`how large the tables of ${database} are cannot be seen now`);
  const analysis = new LockAnalysis(database, catalog, path.length > 0);
  for (const each of pending) {
    operation.info(describePending(each, fact?.superuser ? `${role}, a superuser` : role));
    const told = stepsOf(each, qualify).flatMap(({ steps, transaction }) => analysis.of(steps, transaction));
    for (const { hazard, text } of told) {
      if (hazard) operation.hazard(hazard, text);
      else operation.info(text);
    }
  }
}

/** Hashes of what is applied, by file name. */
function appliedFiles(ledger: Applied[]): Record<string, string> {
  const done = ledger.filter(({ finished }) => finished);
  return Object.fromEntries(done.map(({ version, name, hash }) => [fileNameOf({ version, name }), hash]));
}

/** What dbmate has applied has neither name nor hash; the file of its version counts as applied. */
function recognised(applied: Record<string, string>, wanted: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(applied).map(([file, hash]) => {
      const found = hash === "" ? fileOf(Object.keys(wanted), parseFileName(file)?.version ?? "") : undefined;
      return [found ?? file, found === undefined ? hash : (wanted[found] ?? hash)];
    }),
  );
}

/** As the ledger of a database has them. */
function asApplied(files: Record<string, string>): Applied[] {
  return Object.entries(files).flatMap(([file, hash]) => {
    const named = parseFileName(file);
    return named ? [{ ...named, hash, statements: 0, finished: true }] : [];
  });
}

/** What is applied. A server that is down is believed to hold what it held; a database that is not there holds nothing. */
async function ledgerOf(database: string, lastKnown: Applied[], { host }: Operation): Promise<Applied[] | undefined> {
  try {
    return (await ask(host, database, readLedger, lastKnown)) ?? [];
  } catch (error) {
    if (isNoDatabase(error)) return undefined;
    throw error;
  }
}

/** The ledger that a copy brings along once it is made. */
async function ledgerOfCopy({ copyOf }: MigrationsInputs, operation: Operation): Promise<Applied[]> {
  if (!copyOf) return [];
  const there = (await ledgerOf(copyOf.database, [], operation)) ?? [];
  const versions = there.map(({ version }) => BigInt(version));
  return [...there, ...asApplied(copyOf.applied).filter(({ version }) => !versions.includes(BigInt(version)))];
}

/** What counts as applied before the change, which the operator reads where it is not in pgwright's own ledger. */
async function appliedBefore(
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
      `files up to ${baseline} count as applied if database ${database} comes with tables, by restoreFrom or copyOf, and not with a ledger of pgwright; in an empty one they are run`,
    );
  return ledgerOfCopy(inputs, operation);
}

/** The migrations of one database: what the folder holds is applied, once, in order. */
export const migrations: Kind<MigrationsInputs, MigrationsState> = {
  replaceOn: ["database"],
  notCompared: ["role", "searchPath", "files", "target", "baseline", "access", "copyOf"],
  compared: (state, inputs) => ({ ...state, applied: recognised(state.applied, inputs.applied) }),
  async check({ files, target, baseline }) {
    try {
      const parsed = await parseMigrations(files);
      const versions = parsed.map(({ version }) => version);
      const unknown = (version: string | undefined) => version !== undefined && !versions.includes(version);
      const allowed = `is no version of the folder; there are ${versions.join(", ")}`;
      return [
        ...(unknown(target) ? [{ property: "target", reason: `"${target}" ${allowed}` }] : []),
        ...(baseline !== "0" && unknown(baseline)
          ? [{ property: "baseline", reason: `"${baseline}" ${allowed}, and "0" for none` }]
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
    const ledger = await appliedBefore(files, old, inputs, operation);
    await explainPending(pendingOf(files, ledger, inputs.target), inputs, !old, operation);
  },
  async create(inputs, operation) {
    if (!operation.preview) await apply(inputs, undefined, operation);
    return { id: inputs.database, state: inputs };
  },
  async read(_id, state, inputs, operation) {
    const ledger = await ledgerOf(inputs.database, asApplied(state.applied), operation);
    return ledger && { ...state, applied: appliedFiles(ledger) };
  },
  async update(_id, old, inputs, operation) {
    if (!operation.preview) await apply(inputs, old.access, operation);
    return inputs;
  },
  // What the migrations have made goes with the database.
  delete: async () => undefined,
};
