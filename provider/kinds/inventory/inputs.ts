import { declare } from "../../declaration";

/** Declared objects of a database whose removal can lose rows. */
export interface DatabaseInventory {
  extensions: string[];
  /** Tiered tables, by schema.name, and what happens to their rows once they are undeclared. */
  tiers: Record<string, "keep" | "drop">;
}

export interface InventoryInputs {
  databases: Record<string, DatabaseInventory>;
  /** Volumes of backups and dumps; `kept`: they stay once they are undeclared. */
  volumes: Record<string, { holds: string; kept: boolean }>;
  /** Docker objects of the stack beside the data volume, such as "volume NAME". States of earlier versions have none. */
  objects?: string[];
}

export type InventoryState = InventoryInputs;

export const declaration = declare<InventoryInputs>()({ type: "Inventory" });
