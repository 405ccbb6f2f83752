import { differences } from "../../kind";

export interface Column {
  name: string;
  type: string;
  notNull?: boolean;
  default?: string;
}

/** What a tiered feature table is, as pgwright.tiers_create takes it. */
export interface TieredTableConfig {
  owner: string;
  columns: Column[];
  id: string;
  time: string;
  sortKey: { geometry?: string; columns?: string[] };
  indexes: string[];
  intervalHours: number;
  maxAge?: string;
  minuteOffset: number;
  pagesPerRange: number;
  tablespaces: Record<string, string>;
  walMinutes: number;
}

export interface TieredTableInputs {
  database: string;
  schema: string;
  name: string;
  /** In a map of its own: `id` is Pulumi's at the top. */
  config: TieredTableConfig;
  /** What becomes of the rows when the resource is deleted. */
  onRemove: "keep" | "drop";
  /** What is not as it was made, in words: nothing should be. */
  problems: string[];
}

/** What tells one set from another. */
const IDENTITY = ["database", "schema", "name"] as const;
/** What the tables are made of. */
const FIXED = ["owner", "columns", "id", "time", "sortKey", "pagesPerRange", "walMinutes"] as const;
const CHANGEABLE = ["indexes", "intervalHours", "maxAge", "minuteOffset", "tablespaces"] as const;

/** A configuration as the library completes it: absent values are null. */
export type Config = Record<string, unknown>;

/** What the library gets. */
export function configOf({ schema, name, config }: TieredTableInputs): Config {
  return { schema, name, ...config };
}

export function sameValue(a: unknown, b: unknown): boolean {
  return differences(a ?? undefined, b ?? undefined).length === 0;
}

/** The set as it is, in the words of `inputs` where these mean the same. */
export function inWordsOf(inputs: TieredTableInputs, real: Config, meant: Config): TieredTableConfig {
  const words: Config = { ...inputs.config };
  const found = [...FIXED, ...CHANGEABLE].map((key) => [
    key,
    sameValue(real[key], meant[key]) ? words[key] : (real[key] ?? undefined),
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
    return before && !sameValue(before, column) ? [`${column.name} from ${show(before)} to ${show(column)}`] : [];
  });
  const list = [
    ...added.map((name) => `${name} would be new`),
    ...removed.map((name) => `${name} would go`),
    ...changed,
  ];
  return list.length > 0 ? list : ["they would be in another order"];
}

/** What of a change cannot be done without making another set. */
export function refusals(old: TieredTableInputs, inputs: TieredTableInputs, real: Config, meant: Config): string[] {
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
  if (missing.length > 0) found.push(`indexes can only be added, and ${missing.join(", ")} would go`);
  return found;
}

/** What a change does, in words. */
export function changes(real: Config, meant: Config): string[] {
  const lines: string[] = [];
  const from = (key: string) => `${key} ${show(real[key])} -> ${show(meant[key])}`;
  const differs = (key: string) => !sameValue(real[key], meant[key]);
  if (differs("intervalHours"))
    lines.push(`${from("intervalHours")}: from the next range on; partitions that exist stay`);
  if (differs("minuteOffset")) lines.push(`${from("minuteOffset")}: the maintenance runs in another minute`);
  if (differs("tablespaces"))
    lines.push(`${from("tablespaces")}: for new tables; those that exist stay where they are`);
  if (differs("indexes"))
    lines.push(`${from("indexes")}: the next maintenance builds them, table by table; who writes to that table waits`);
  if (differs("maxAge")) lines.push(from("maxAge"));
  return lines;
}
