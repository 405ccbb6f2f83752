import { describeApplied } from "../provider/kinds/migrations/files/foreign-ledger";
import type { LedgerFact } from "./facts";

// Pure: notes on the migrations that another tool has applied.

/** The newest version, which is the baseline. */
const newest = (versions: string[]) => versions.reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b));

/** Describes what to declare so that no migration is run again. */
export function describeLedger({ tool, schema, name, versions }: LedgerFact): string {
  const what = `${schema}.${name} is the ledger of ${tool}`;
  if (versions === undefined)
    return `${what}: its migrations are applied, but pgwright cannot tell up to which file of a folder; declare migrations: {folder: FOLDER, baseline: "VERSION"} with the newest applied version, so that no file is run again`;
  if (versions.length === 0) return `${what} and is empty: all files of migrations.folder are run`;
  return `${what}: ${describeApplied(versions)} as applied once migrations.folder is declared; before the first update, declare migrations: {folder: FOLDER, baseline: "${newest(versions)}"}, so that the preview reports this too`;
}
