import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../../catalog-query";
import { mustBePlain } from "../../../plain-table";
import type { MigrationFile } from "./file";
import { sameVersion } from "./file-name";
import { readLedger, write, type Applied } from "./ledger";

// Applied versions in a database without rows in pgwright.migrations: those in dbmate's ledger, or the files up to a declared
// baseline. The ledger of any other tool does not list the versions of the folder, so a baseline has to be declared.

/** The table in which another tool records applied migrations. */
export type ForeignLedger = RowOf<typeof FOREIGN_LEDGERS>;
export const FOREIGN_LEDGERS = catalogQuery("foreign-ledgers", {
  tool: z.string(),
  schema: z.string(),
  name: z.string(),
});
export const HAS_TABLES = catalogQuery("has-tables", { tables: z.boolean() });

export interface KnownApplied {
  ledger: Applied[];
  /** It comes from another tool or the baseline, and is not in pgwright.migrations yet. */
  foreign: boolean;
  /** Lines for the preview. */
  notes: string[];
}

const nameOf = ({ schema, name }: Pick<ForeignLedger, "schema" | "name">) => `${schema}.${name}`;

/** Describes applied versions, such as `2 versions from 0001 to 0002 count`. */
export function describeApplied(versions: string[]): string {
  const sorted = versions.map(BigInt).sort((a, b) => (a < b ? -1 : 1));
  const written = (version: bigint | undefined) => versions.find((each) => BigInt(each) === version) ?? "";
  const [first, last] = [written(sorted[0]), written(sorted.at(-1))];
  return versions.length === 1
    ? `version ${first} counts`
    : `${versions.length} versions from ${first} to ${last} count`;
}

/** The versions in dbmate's ledger, which another role may own. */
async function readVersions(client: Client, { schema, name }: ForeignLedger): Promise<string[]> {
  const sql = `${mustBePlain(schema, name)} SELECT version FROM ONLY ${quoted(schema)}.${quoted(name)}`;
  return (await rowsOf(client, { version: z.string() }, sql)).map(({ version }) => version);
}

const finished = (version: string, name = "", hash = "", statements = 0): Applied => ({
  version,
  name,
  hash,
  statements,
  finished: true,
});

/** Files up to the baseline, as applied. */
export function appliedByBaseline(files: MigrationFile[], baseline: string): Applied[] {
  return files
    .filter(({ version }) => BigInt(version) <= BigInt(baseline))
    .map(({ version, name, hash, up }) => finished(version, name, hash, up.statements.length));
}

/** The error for ledgers that do not determine the applied files of the folder. */
function undecidedProblem(database: string, found: ForeignLedger[]): string {
  const list = found.map((each) => `${nameOf(each)} (${each.tool})`).join(", ");
  return (
    `database ${database}: another tool has applied migrations, according to ${list}; declare migrations.baseline as the ` +
    `newest version of the folder that is already applied ("0" for none), so that no file runs again`
  );
}

/** Reads the applied versions. Throws if they cannot be determined. */
export async function readApplied(
  client: Client,
  database: string,
  files: MigrationFile[],
  baseline: string | undefined,
): Promise<KnownApplied> {
  const own = (await readLedger(client)) ?? [];
  if (own.length > 0 || files.length === 0) return { ledger: own, foreign: false, notes: [] };
  if (baseline !== undefined) {
    const [found] = await readRows(client, HAS_TABLES);
    if (!found?.tables) return { ledger: [], foreign: false, notes: [] };
    const ledger = appliedByBaseline(files, baseline);
    const versions = ledger.length > 0 ? describeApplied(ledger.map(({ version }) => version)) : "no version counts";
    return {
      ledger,
      foreign: true,
      notes: [`migrations.baseline is ${baseline}: ${versions} as applied in database ${database}`],
    };
  }
  const found = await readRows(client, FOREIGN_LEDGERS);
  return found.length === 0 ? { ledger: [], foreign: false, notes: [] } : fromLedgers(client, database, found);
}

async function fromLedgers(client: Client, database: string, found: ForeignLedger[]): Promise<KnownApplied> {
  const [table, ...more] = found;
  if (table?.tool !== "dbmate" || more.length > 0) throw new Error(undecidedProblem(database, found));
  const versions = await readVersions(client, table);
  const odd = versions.find((version) => !/^\d+$/.test(version));
  if (odd !== undefined)
    throw new Error(`${undecidedProblem(database, found)}; "${odd}" in it is not a version of dbmate`);
  if (versions.length === 0) return { ledger: [], foreign: false, notes: [] };
  const note = `${nameOf(table)} of database ${database} is dbmate's ledger: ${describeApplied(versions)} as applied`;
  return { ledger: versions.map((version) => finished(version)), foreign: true, notes: [note] };
}

/** Writes applied versions to pgwright.migrations. dbmate's rows get the names and hashes of the files. */
export async function keepApplied(client: Client, ledger: Applied[], files: MigrationFile[]): Promise<void> {
  await client.query("BEGIN");
  for (const row of ledger) {
    const { name = row.name, hash = row.hash } = files.find((file) => sameVersion(file.version, row.version)) ?? {};
    await write(client, row.version, { name, hash, statements: row.statements, finished: true });
  }
  await client.query("COMMIT");
}
