import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { hasRelation, hasRoutine } from "../../exists";
import { mustBelongToJob, type OwnerJob } from "../../job-owner";
import { differences, type Kind, type Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { asOwner } from "../../run-role";
import { ask, isNoDatabase, isNoLibrary, withDatabase } from "../../session";
import { allNames, currentNames } from "./current-names";
import { declaration, type PartitionSetInputs } from "./inputs";

/** A preview shows at most this many steps of a plan. */
const MAX_SHOWN_STEPS = 30;

/** Columns of pgwright.partition_sets that declare a set. */
const COLUMNS = [
  "parent",
  "kind",
  "interval",
  "zone",
  "premake",
  "start",
  "naming",
  "overflow",
  "retention",
  "template",
  "sub",
  "values",
  "modulus",
  "convert",
  "maintainer",
] as const satisfies (keyof PartitionSetInputs)[];

/** The set as pgwright.partition_sets declares it, with its drift; undefined if it is missing there. */
async function find(client: Client, parent: string): Promise<Omit<PartitionSetInputs, "database"> | undefined> {
  const [row] = await rowsOf(
    client,
    { set: z.record(z.string(), z.unknown()) },
    "SELECT pg_catalog.to_jsonb(s) AS set FROM pgwright.partition_sets AS s WHERE parent = $1",
    [parent],
  );
  if (!row) return undefined;
  const set = currentNames(row.set);
  const drift = await rowsOf(
    client,
    { partition: z.string(), what: z.string() },
    "SELECT partition, what FROM pgwright.partition_drift($1)",
    [parent],
  );
  const declared = Object.fromEntries(COLUMNS.map((column) => [column, set[column] ?? undefined]));
  const byHand = Object.fromEntries(drift.map(({ partition, what }) => [partition, what]));
  return { ...declared, byHand } as Omit<PartitionSetInputs, "database">;
}

type Step = RowOf<typeof PARTITION_PLAN>;
export const PARTITION_PLAN = catalogQuery("partition-plan", {
  action: z.string(),
  partition: z.string(),
  bound: z.string(),
  row_count: z.string().nullable(),
  size: z.string().nullable(),
});

/**
 * The steps of the next run with these inputs, computed by the library. `run` must be a session of the table's owner: the library reads
 * rows, and planning a query already runs code of the owner (predicates of indexes).
 */
async function plan(run: Client, inputs: PartitionSetInputs): Promise<Step[]> {
  // With all names, because a preview may find the library of an earlier version.
  return readRows(run, PARTITION_PLAN, JSON.stringify(allNames(inputs)));
}

function describeStep({ action, partition, bound, row_count: rows, size }: Step): string {
  const range = bound.replace("FOR VALUES ", "");
  if (action === "hold") return `${partition}: ${bound}`;
  if (action === "alter") return `alter ${partition}: ${bound}`;
  if (action === "create")
    return `create ${partition} ${range}${rows === "0" ? "" : `, with ${rows} rows out of DEFAULT`}`;
  return `${action} ${partition} ${range}, about ${rows} rows, ${size}`;
}

function listSteps(first: string, steps: Step[]): [string, ...string[]] {
  const more = steps.length > MAX_SHOWN_STEPS ? [`and ${steps.length - MAX_SHOWN_STEPS} more`] : [];
  return [first, ...steps.slice(0, MAX_SHOWN_STEPS).map(describeStep), ...more];
}

async function explain(
  old: PartitionSetInputs | undefined,
  inputs: PartitionSetInputs,
  { host, preview, info, warn, hazard }: Operation,
): Promise<void> {
  if (!preview || (await whyDown(host))) return;
  for (const [partition, what] of Object.entries(old?.byHand ?? {})) warn(`${partition}: ${what}`);
  const missing = `${inputs.parent}: the table does not exist; the update fails unless one of its migrations creates it`;
  try {
    await withDatabase(host, inputs.database, async (client) => {
      if (!(await hasRelation(client, inputs.parent))) return warn(missing);
      if (!(await hasRoutine(client, "pgwright.partition_plan")))
        return info(`the update creates its partitions; previews list them once this database has a set of partitions`);
      const owner = await ownerOf(client, inputs.parent);
      if (inputs.maintainer === undefined) await mustBelongToJob(client, [inputs.parent], MAINTENANCE);
      const steps = await asOwner(host, inputs.database, owner, (run) => plan(run, inputs));
      // Without a changed retention, the runs drop these partitions with or without this update.
      const retentionChanged = differences(old?.retention, inputs.retention).length > 0;
      const lost = steps.filter(({ action }) => retentionChanged && action === "drop");
      if (lost.length > 0) hazard("loss", ...listSteps(`${inputs.parent}: its retention drops`, lost));
      for (const step of steps.filter(({ action }) => action === "hold")) warn(describeStep(step));
      const others = steps.filter((step) => !lost.includes(step) && step.action !== "hold");
      if (others.length > 0) info(...listSteps("the update runs these steps:", others));
    });
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    warn(missing);
  }
}

/** The owner of a table; throws if the table does not exist. */
async function ownerOf(client: Client, parent: string): Promise<string> {
  const sql = "SELECT pgwright.partition_may($1) AS owner";
  return (await rowsOf(client, { owner: z.string() }, sql, [parent]))[0]?.owner ?? "";
}

const MAINTENANCE: OwnerJob = {
  does: "maintains partitions",
  runs: "the triggers, defaults and expressions",
  key: "partitions.role",
  needs: (_table, owner) => `become ${owner}`,
};

async function put(inputs: PartitionSetInputs, { host, info, warn }: Operation): Promise<PartitionSetInputs> {
  const { parent, database } = inputs;
  await withDatabase(host, database, async (client) => {
    const owner = await ownerOf(client, parent); // throws if the table does not exist
    await client.query(
      `INSERT INTO pgwright.partition_sets
       SELECT * FROM jsonb_populate_record(NULL::pgwright.partition_sets, $1::jsonb)
       ON CONFLICT (parent) DO UPDATE
       SET (${COLUMNS.join(", ")}) = (${COLUMNS.map((column) => `excluded.${column}`).join(", ")})`,
      [JSON.stringify(inputs)],
    );
    await asOwner(host, database, owner, async (run) => {
      const putBack = "SELECT done FROM pgwright.partition_put_back($1)";
      for (const { done } of await rowsOf(run, { done: z.string() }, putBack, [parent])) info(done);
      try {
        await run.query("CALL pgwright.maintain_partitions(pg_catalog.now(), $1)", [parent]);
      } catch (error) {
        const { detail, message } = error as { detail?: string; message: string };
        throw new Error(`${parent}: the maintenance of its partitions failed: ${detail ?? message}`);
      }
    });
    const [health] = await rowsOf(
      client,
      { copying: z.string().nullable(), attention: z.string().nullable() },
      "SELECT copying, attention FROM pgwright.partition_health WHERE parent = $1",
      [parent],
    );
    if (health?.copying) info(`its job continues: ${health.copying}`);
    if (health?.attention) warn(health.attention);
  });
  return inputs;
}

/** A set of partitions: a row of pgwright.partition_sets, whose partitions a cron job maintains. */
export const partitionSet: Kind<PartitionSetInputs, PartitionSetInputs> = {
  declaration,
  replaceOn: ["database", "parent"],
  currentNames,
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, operation);
    return { id: `${inputs.database}/${inputs.parent}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      const { database, parent } = state;
      const found = await ask(host, database, (client) => find(client, parent), state);
      return found && { ...found, database };
    } catch (error) {
      // Without the library or the database, the set does not exist.
      if (isNoDatabase(error) || isNoLibrary(error)) return undefined;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, operation);
  },
  // The table keeps its partitions and their rows.
  async delete(_id, { database, parent }, { host }) {
    await withDatabase(host, database, async (client) => {
      if (await hasRelation(client, parent))
        await asOwner(host, database, await ownerOf(client, parent), async (run) => {
          await run.query("SELECT pgwright.partition_copy_abandon($1)", [parent]);
        });
      await client.query("DELETE FROM pgwright.partition_sets WHERE parent = $1", [parent]);
    });
  },
};
