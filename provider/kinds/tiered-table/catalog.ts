import type { Client } from "pg";
import { z } from "zod";
import { type RowOf, catalogQuery, storedJson, readRows } from "../../catalog-query";
import { hasRelation } from "../../exists";
import { type Config, configOf } from "./compare";
import type { TieredTableInputs } from "./inputs";

type Found = RowOf<typeof TIERED_TABLE>;

export const TIERED_TABLE = catalogQuery("tiered-table", {
  config: storedJson<Config>(),
  meant: storedJson<Config>(),
  problems: z.array(z.string()),
});

/** The set as pgwright.tiers_sets has it; undefined if it is missing there. */
export async function find(client: Client, inputs: TieredTableInputs): Promise<Found | undefined> {
  if (!(await hasRelation(client, "pgwright.tiers_sets"))) return undefined;
  const { schema, name } = inputs;
  const config = JSON.stringify(configOf(inputs));
  return (await readRows(client, TIERED_TABLE, schema, name, config))[0];
}

export const TIERED_TABLE_AGED = catalogQuery("tiered-table-aged", {
  partition: z.string(),
  row_count: z.string(),
  size: z.string(),
});

export const TIERED_TABLE_NEW = catalogQuery("tiered-table-new", {
  ready: z.boolean(),
  taken: z.boolean(),
  lost: z.boolean(),
});
