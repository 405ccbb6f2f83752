import type { Client } from "pg";
import { z } from "zod";
import { writeObjectName } from "../../../config/object-name";
import { catalogQuery, readRows, rowsOf, storedJson, type RowOf } from "../../catalog-query";
import { hasRelation } from "../../exists";
import type { Kind, Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { asOwner } from "../../run-role";
import { setRestorePoint } from "../../restore-point";
import { ask, isNoDatabase, isNoLibrary, sqlState, withDatabase } from "../../session";
import {
  configOf,
  describeChanges,
  describeRefusals,
  keepDeclaredSpelling,
  sameValue,
  type Config,
  type TieredTableInputs,
  declaration,
} from "./inputs";

/** A preview shows at most this many partitions. */
const MAX_SHOWN_PARTITIONS = 30;

type Found = RowOf<typeof TIERED_TABLE>;
export const TIERED_TABLE = catalogQuery("tiered-table", {
  config: storedJson<Config>(),
  meant: storedJson<Config>(),
  problems: z.array(z.string()),
});

/** The set as pgwright.tiers_sets has it; undefined if it is missing there. */
async function find(client: Client, inputs: TieredTableInputs): Promise<Found | undefined> {
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

export const TIERED_TABLE_NEW = catalogQuery("tiered-table-new", {
  ready: z.boolean(),
  taken: z.boolean(),
  lost: z.boolean(),
});

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

async function explain(
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

/** Creates the set, or alters and repairs an existing one. */
async function put(inputs: TieredTableInputs, { host }: Operation): Promise<TieredTableInputs> {
  const config = JSON.stringify(configOf(inputs));
  await withDatabase(host, inputs.database, async (client) => {
    const call = (await find(client, inputs)) ? "tiers_alter" : "tiers_create";
    try {
      await asOwner(host, inputs.database, inputs.config.owner, (run) =>
        run.query(`SELECT pgwright.${call}($1::jsonb)`, [config]),
      );
    } catch (error) {
      if (sqlState(error) !== "55P03") throw error;
      throw new Error(
        `${writeObjectName(inputs)}: in use for 10 s, nothing was changed; end the transaction that uses it, or run the update again`,
      );
    }
    const remaining = (await find(client, inputs))?.problems ?? [];
    if (remaining.length > 0)
      throw new Error(`${writeObjectName(inputs)}: problems remain after the repair: ${remaining.join("; ")}`);
  });
  return inputs;
}

/** A tiered table: a view over tables, between which jobs of the library move rows. */
export const tieredTable: Kind<TieredTableInputs, TieredTableInputs> = {
  declaration,
  // No replaceOn: a replacement would drop the rows. `explain` refuses changes that need another set.
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, operation);
    return { id: `${inputs.database}/${writeObjectName(inputs)}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    const { database } = state;
    try {
      return await ask<TieredTableInputs | undefined>(
        host,
        database,
        async (client) => {
          const found = await find(client, state);
          return (
            found && {
              ...state,
              config: keepDeclaredSpelling(state, found.config, found.meant),
              problems: found.problems,
            }
          );
        },
        state,
      );
    } catch (error) {
      // Without its schema, the set does not exist.
      if (isNoDatabase(error) || sqlState(error) === "3F000") return undefined;
      // Functions are missing: the resource of the library reports and repairs that.
      if (sqlState(error) === "42883") return state;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, operation);
  },
  async delete(_id, { database, schema, name, onRemove }, { host, info }) {
    try {
      const table = writeObjectName({ schema, name });
      await withDatabase(host, database, async (client) => {
        if (onRemove !== "keep") await setRestorePoint(client, `drop of ${table}`, info);
        const [set] = await rowsOf(
          client,
          { owner: z.string() },
          "SELECT (pgwright.tiers_load($1, $2)).owner_name AS owner",
          [schema, name],
        );
        const drop = "SELECT pgwright.tiers_drop($1, $2, $3)";
        await asOwner(host, database, set?.owner ?? "", (run) => run.query(drop, [schema, name, onRemove === "keep"]));
      });
      info(
        onRemove === "keep" ? `the rows of ${table} stay in a partitioned table of this name` : `${table} was dropped`,
      );
    } catch (error) {
      // Already dropped.
      if (!isNoDatabase(error) && !isNoLibrary(error) && sqlState(error) !== "42704") throw error;
    }
  },
};
