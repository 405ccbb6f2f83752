import { declare } from "../../declaration";

export interface Column {
  name: string;
  type: string;
  notNull?: boolean;
  default?: string;
}

/** Configuration of a tiered table, in the format of pgwright.tiers_create. */
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
  /** Nested, because Pulumi reserves `id` at the top level. */
  config: TieredTableConfig;
  /** What happens to the rows when the resource is deleted. */
  onRemove: "keep" | "drop";
  /** Problems of its objects, from pgwright.tiers_problems. Declared: empty. */
  problems: string[];
}

export type TieredTableState = TieredTableInputs;

export const declaration = declare<TieredTableInputs>()({ type: "TieredTable", wanted: { problems: () => [] } });
