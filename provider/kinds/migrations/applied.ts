import type { Client } from "pg";
import type { Operation } from "../../kind";
import { ask, isNoDatabase } from "../../session";
import type { MigrationFile } from "./files/file";
import { fileNameOf, fileOf, parseFileName } from "./files/file-name";
import { readApplied } from "./files/foreign-ledger";
import { readLedger, type Applied } from "./files/ledger";
import type { MigrationsInputs, MigrationsState } from "./inputs";

// The files that are applied in a database, or that the database of a copy will have.

/** Hashes of the applied files, by name. */
export function appliedFiles(ledger: Applied[]): Record<string, string> {
  const done = ledger.filter(({ finished }) => finished);
  return Object.fromEntries(done.map(({ version, name, hash }) => [fileNameOf({ version, name }), hash]));
}

/** Replaces names and hashes that are missing: dbmate records versions only, so the file of a version counts as applied. */
export function matchFiles(applied: Record<string, string>, wanted: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(applied).map(([file, hash]) => {
      const found = hash === "" ? fileOf(Object.keys(wanted), parseFileName(file)?.version ?? "") : undefined;
      return [found ?? file, found === undefined ? hash : (wanted[found] ?? hash)];
    }),
  );
}

/** Rows of the ledger for applied files. */
export function asApplied(files: Record<string, string>): Applied[] {
  return Object.entries(files).flatMap(([file, hash]) => {
    const named = parseFileName(file);
    return named ? [{ ...named, hash, statements: 0, finished: true }] : [];
  });
}

/** Reads the ledger: `lastKnown` while the server is down, undefined if the database does not exist. */
export async function readLedgerOf(
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
export async function readAppliedBefore(
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
