import { describeApplied } from "../provider/kinds/migrations/foreign-ledger";
import type { LedgerFact } from "./facts";

// Pure: what becomes of the migrations that another tool has applied.

/** The newest version, which the baseline is. */
const newest = (versions: string[]) => versions.reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b));

/** What to declare, so that no migration is run again. */
export function describeLedger({ tool, schema, name, versions }: LedgerFact): string {
  const what = `${schema}.${name} is the ledger of ${tool}`;
  if (versions === undefined)
    return `${what}: its migrations are applied, and pgwright cannot know up to which file of a folder; declare migrations: {folder: FOLDER, baseline: "VERSION"}, the newest version that is applied, so that no file is run again`;
  if (versions.length === 0) return `${what}, and it is empty: all files of a folder in migrations are run`;
  return `${what}: ${describeApplied(versions)} as applied once migrations.folder is declared; before the first update, declare migrations: {folder: FOLDER, baseline: "${newest(versions)}"}, so that the preview says so too`;
}
