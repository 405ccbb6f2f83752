import { differences } from "../../kind";
import type { TieredTableInputs, TieredTableConfig, Column } from "./inputs";

/** Keys that identify a set. */
const IDENTITY = ["database", "schema", "name"] as const;

/** Keys that cannot change, because they define the tables. */
const FIXED = ["owner", "columns", "id", "time", "sortKey", "pagesPerRange", "walMinutes"] as const;

const CHANGEABLE = ["indexes", "intervalHours", "maxAge", "minuteOffset", "tablespaces"] as const;

/** A configuration as the library completes it: absent values are null. */
export type Config = Record<string, unknown>;

/** The argument of the library's functions. */
export function configOf({ schema, name, config }: TieredTableInputs): Config {
  return { schema, name, ...config };
}

export function sameValue(a: unknown, b: unknown): boolean {
  return differences(a ?? undefined, b ?? undefined).length === 0;
}

/** The configuration of an existing set, in the spelling of `inputs` where both mean the same. */
export function keepDeclaredSpelling(inputs: TieredTableInputs, real: Config, meant: Config): TieredTableConfig {
  const declared: Config = { ...inputs.config };
  const found = [...FIXED, ...CHANGEABLE].map((key) => [
    key,
    sameValue(real[key], meant[key]) ? declared[key] : (real[key] ?? undefined),
  ]);
  return Object.fromEntries(found);
}

const show = (value: unknown) => (value === undefined || value === null ? "none" : JSON.stringify(value));

function columnChanges(real: Column[], meant: Column[]): string[] {
  const names = (columns: Column[]) => columns.map(({ name }) => name);
  const added = names(meant).filter((name) => !names(real).includes(name));
  const removed = names(real).filter((name) => !names(meant).includes(name));
  const changed = meant.flatMap((column) => {
    const before = real.find(({ name }) => name === column.name);
    return before && !sameValue(before, column)
      ? [`${column.name} changes from ${show(before)} to ${show(column)}`]
      : [];
  });
  const list = [...added.map((name) => `${name} is added`), ...removed.map((name) => `${name} is removed`), ...changed];
  return list.length > 0 ? list : ["their order changes"];
}

/** The parts of a change that need another set. */
export function describeRefusals(
  old: TieredTableInputs,
  inputs: TieredTableInputs,
  real: Config,
  meant: Config,
): string[] {
  const found: string[] = [];
  for (const key of IDENTITY) {
    if (old[key] !== inputs[key]) found.push(`${key} cannot change from ${show(old[key])} to ${show(inputs[key])}`);
  }
  for (const key of FIXED) {
    if (sameValue(real[key], meant[key])) continue;
    found.push(
      key === "columns"
        ? `columns cannot change: ${columnChanges(real.columns as Column[], meant.columns as Column[]).join(", ")}`
        : `${key} cannot change from ${show(real[key])} to ${show(meant[key])}`,
    );
  }
  const missing = (real.indexes as string[]).filter((column) => !(meant.indexes as string[]).includes(column));
  if (missing.length > 0) found.push(`indexes can only be added, and the change removes ${missing.join(", ")}`);
  return found;
}

/** Lines of a preview about a change. */
export function describeChanges(real: Config, meant: Config): string[] {
  const lines: string[] = [];
  const from = (key: string) => `${key} ${show(real[key])} -> ${show(meant[key])}`;
  const differs = (key: string) => !sameValue(real[key], meant[key]);
  if (differs("intervalHours"))
    lines.push(`${from("intervalHours")}: applies from the next range on; existing partitions stay`);
  if (differs("minuteOffset")) lines.push(`${from("minuteOffset")}: the maintenance runs in another minute`);
  if (differs("tablespaces"))
    lines.push(`${from("tablespaces")}: applies to new tables; existing tables are not moved`);
  if (differs("indexes"))
    lines.push(
      `${from("indexes")}: the next maintenance builds them, table by table; writes to a table wait for its build`,
    );
  if (differs("maxAge")) lines.push(from("maxAge"));
  return lines;
}
