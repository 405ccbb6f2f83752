import type { Client } from "pg";
import { writeObjectName } from "../../../config/object-name";
import { readRows } from "../../catalog-query";
import type { Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { sqlState, withDatabase, isNoDatabase, isNoLibrary } from "../../session";
import { TIERED_TABLE_AGED, TIERED_TABLE_NEW, find } from "./catalog";
import { configOf, describeRefusals, describeChanges, sameValue } from "./compare";
import type { TieredTableInputs } from "./inputs";

/** A preview shows at most this many partitions. */
const MAX_SHOWN_PARTITIONS = 30;

/** Reports the partitions that the next maintenance drops after a change of maxAge. */
async function explainAge(
  client: Client,
  { schema, name, config: { maxAge } }: TieredTableInputs,
  { info, hazard }: Operation,
) {
  if (maxAge === undefined) return;
  const rows = await readRows(client, TIERED_TABLE_AGED, schema, name, maxAge);
  if (rows.length === 0) return info(`no partition is older than ${maxAge}`);
  const lines = rows.map(({ partition, row_count, size }) => `${partition}, about ${row_count} rows, ${size}`);
  const more = rows.length > MAX_SHOWN_PARTITIONS ? [`and ${rows.length - MAX_SHOWN_PARTITIONS} more`] : [];
  const first = `${writeObjectName({ schema, name })}: the next maintenance drops its partitions older than ${maxAge}:`;
  hazard("loss", first, ...lines.slice(0, MAX_SHOWN_PARTITIONS), ...more);
}

/** Reports obstacles to a new set, as warnings: this update may still create the missing objects. */
async function explainNew(client: Client, inputs: TieredTableInputs, { info, warn }: Operation): Promise<void> {
  const { schema, name } = inputs;
  const { owner } = inputs.config;
  info(`creates the view ${writeObjectName(inputs)} with its tables and procedures, owned by ${owner}`);
  const [now] = await readRows(client, TIERED_TABLE_NEW, schema, name, owner);
  if (now?.lost) info(`adopts the existing tables of ${writeObjectName(inputs)}`);
  else if (now?.taken)
    warn(
      `${writeObjectName(inputs)}: this relation exists and is not a tiered table; the update fails unless a migration renames or drops it`,
    );
  if (!now?.ready) return;
  await client
    .query("SELECT pgwright.tiers_config($1::jsonb)", [JSON.stringify(configOf(inputs))])
    .catch((error: Error) => {
      if (sqlState(error) !== "22023") throw error;
      warn(`${error.message}; the update fails unless it creates the missing objects`);
    });
}

export async function explain(
  old: TieredTableInputs | undefined,
  inputs: TieredTableInputs,
  operation: Operation,
): Promise<void> {
  const { host, preview, info, warn } = operation;
  if (!preview || (await whyDown(host))) return;
  try {
    await withDatabase(host, inputs.database, async (client) => {
      const found = await find(client, old ? { ...inputs, schema: old.schema, name: old.name } : inputs);
      if (!found) return explainNew(client, inputs, operation);
      const refused = describeRefusals(old ?? inputs, inputs, found.config, found.meant);
      if (refused.length > 0)
        throw new Error(
          `${writeObjectName(inputs)}: ${refused.join("; ")}; declare another tiered table and copy the rows, or revert the change`,
        );
      for (const problem of found.problems) warn(`${problem}; the update repairs it`);
      for (const line of describeChanges(found.config, found.meant)) info(line);
      if (!sameValue(found.config.maxAge, found.meant.maxAge)) await explainAge(client, inputs, operation);
      if (inputs.onRemove === "drop" && old?.onRemove === "keep")
        warn(`${writeObjectName(inputs)}: once it is removed from the stack file, the update drops its rows`);
    });
  } catch (error) {
    if (!isNoDatabase(error) && !isNoLibrary(error)) throw error;
  }
}
