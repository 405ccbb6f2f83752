import type { Client } from "pg";
import type { Host } from "../host";
import { mustBelongToJob, type OwnerJob } from "../job-owner";
import { differences, type Kind, type Operation } from "../kind";
import { whyDown } from "../readiness";
import { withRunRole } from "../run-role";
import { ask, isNoDatabase, withDatabase } from "../session";

/** A partition's name suffix -> the values of a LIST partition. */
export type Members = Record<string, string[]>;

export interface PartitionSetInputs {
  database: string;
  /** The partitioned table, schema.name, quoted where SQL needs it. */
  parent: string;
  kind: "time" | "integer" | "uuid7" | "list" | "hash";
  /** Width of a RANGE partition: an interval, or a whole number. */
  step?: string;
  zone: string;
  premake: number;
  startAt?: string;
  naming?: string;
  overflow: "none" | "guard" | "drain";
  retention?: {
    age?: string;
    count?: number;
    then: "keep" | "detach" | "archive" | "drop";
    schema?: string;
    tablespace?: string;
  };
  template: { tablespace?: string; storage?: Record<string, string>; indexes?: string[] };
  sub?: { by: "list" | "hash"; column: string; modulus?: number; partitions?: Members; default?: boolean };
  members?: Members | { modulus: number };
  /** A table that is not partitioned yet becomes so, by this column. */
  convert?: { column: string };
  /** The role that maintains it; the owner of the database if absent, and only if the table is its own. */
  maintainer?: string;
  /** Partitions that were attached, detached or renamed by hand, with what: none should be. */
  byHand: Record<string, string>;
}

/** Steps of a plan are shown up to this many. */
const SHOWN = 30;

/** The columns of pgwright.partition_sets, as jsonb_populate_record takes them; it leaves out what is none. */
function row(inputs: PartitionSetInputs): string {
  const { startAt: start_at, ...columns } = inputs;
  return JSON.stringify({ ...columns, start_at });
}

/** What the books have, in the words of the inputs; undefined if the set is not among them. */
async function find(client: Client, parent: string): Promise<Omit<PartitionSetInputs, "database"> | undefined> {
  const { rows } = await client.query(
    `SELECT parent, kind, step, zone, premake, start_at AS "startAt", naming, overflow, retention, template, sub, members,
       convert, maintainer
     FROM pgwright.partition_sets WHERE parent = $1`,
    [parent],
  );
  if (rows.length === 0) return undefined;
  const { rows: drift } = await client.query<{ partition: string; what: string }>(
    "SELECT partition, what FROM pgwright.partition_drift($1)",
    [parent],
  );
  const there = Object.fromEntries(Object.entries(rows[0] as object).filter(([, value]) => value !== null));
  const byHand = Object.fromEntries(drift.map(({ partition, what }) => [partition, what]));
  return { ...there, byHand } as Omit<PartitionSetInputs, "database">;
}

interface Step {
  action: string;
  partition: string;
  bound: string;
  row_count: string;
  size: string;
}

/**
 * What the next run would do with these inputs, as the library says itself. It looks at rows, and planning a query of a table alone runs
 * code of its owner (predicates of indexes): `run` is a session of that role.
 */
async function plan(run: Client, inputs: PartitionSetInputs): Promise<Step[]> {
  const { rows } = await run.query<Step>(
    `SELECT action, partition, bound, row_count, pg_size_pretty(bytes) AS size
     FROM pgwright.partition_plan(jsonb_populate_record(NULL::pgwright.partition_sets, $1::jsonb))`,
    [row(inputs)],
  );
  return rows;
}

function describeStep({ action, partition, bound, row_count: rows, size }: Step): string {
  const range = bound.replace("FOR VALUES ", "");
  if (action === "hold") return `${partition}: ${bound}`;
  if (action === "alter") return `alter ${partition}: ${bound}`;
  if (action === "create")
    return `create ${partition} ${range}${rows === "0" ? "" : `, with ${rows} rows out of DEFAULT`}`;
  return `${action} ${partition} ${range}, about ${rows} rows, ${size}`;
}

function listed(first: string, steps: Step[]): [string, ...string[]] {
  const more = steps.length > SHOWN ? [`and ${steps.length - SHOWN} more`] : [];
  return [first, ...steps.slice(0, SHOWN).map(describeStep), ...more];
}

async function explain(
  old: PartitionSetInputs | undefined,
  inputs: PartitionSetInputs,
  { host, preview, info, warn, hazard }: Operation,
): Promise<void> {
  if (!preview || (await whyDown(host))) return;
  for (const [partition, what] of Object.entries(old?.byHand ?? {})) warn(`${partition}: ${what}`);
  const missing = `${inputs.parent}: there is no such table yet; the update fails unless one of its migrations creates it`;
  try {
    await withDatabase(host, inputs.database, async (client) => {
      const { rows } = await client.query(
        "SELECT to_regproc('pgwright.partition_plan') IS NOT NULL AS ready, to_regclass($1) IS NOT NULL AS there",
        [inputs.parent],
      );
      if (!rows[0].there) return warn(missing);
      if (!rows[0].ready) return info(`its partitions are made; which, a preview says once this database has a set`);
      const owner = await ownerOf(client, inputs.parent);
      if (inputs.maintainer === undefined) await mustBelongToJob(client, [inputs.parent], MAINTENANCE);
      const steps = await asOwner(host, inputs.database, owner, (run) => plan(run, inputs));
      // What the clock drops anyway is no effect of this change.
      const newly = differences(old?.retention, inputs.retention).length > 0;
      const lost = steps.filter(({ action }) => newly && action === "drop");
      if (lost.length > 0) hazard("loss", ...listed(`${inputs.parent}: its retention drops`, lost));
      for (const step of steps.filter(({ action }) => action === "hold")) warn(describeStep(step));
      const others = steps.filter((step) => !lost.includes(step) && step.action !== "hold");
      if (others.length > 0) info(...listed("will be done:", others));
    });
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    warn(missing);
  }
}

/** The owner of a table; throws if there is no such table. */
async function ownerOf(client: Client, parent: string): Promise<string> {
  const { rows } = await client.query<{ owner: string }>("SELECT pgwright.partition_may($1) AS owner", [parent]);
  return rows[0]?.owner ?? "";
}

const MAINTENANCE: OwnerJob = {
  does: "maintains partitions",
  runs: "the triggers, defaults and expressions",
  key: "partitions.role",
  needs: (_table, owner) => `become ${owner}`,
};

/** What makes, fills and alters partitions runs code of their owner (triggers, defaults, expressions): in a session of that role. */
const asOwner = <T>(host: Host, database: string, owner: string, use: (run: Client) => Promise<T>): Promise<T> =>
  withRunRole(
    host,
    database,
    owner,
    async (run) => {
      await run.query("SET search_path = ''");
      return use(run);
    },
    { grantConnect: true },
  );

async function put(inputs: PartitionSetInputs, { host, info, warn }: Operation): Promise<PartitionSetInputs> {
  const { parent, database } = inputs;
  await withDatabase(host, database, async (client) => {
    const owner = await ownerOf(client, parent); // its table is there
    await client.query(
      `INSERT INTO pgwright.partition_sets
       SELECT * FROM jsonb_populate_record(NULL::pgwright.partition_sets, $1::jsonb)
       ON CONFLICT (parent) DO UPDATE
       SET (kind, step, zone, premake, start_at, naming, overflow, retention, template, sub, members, convert, maintainer) =
         (excluded.kind, excluded.step, excluded.zone, excluded.premake, excluded.start_at, excluded.naming,
          excluded.overflow, excluded.retention, excluded.template, excluded.sub, excluded.members, excluded.convert, excluded.maintainer)`,
      [row(inputs)],
    );
    await asOwner(host, database, owner, async (run) => {
      const { rows } = await run.query<{ done: string }>("SELECT done FROM pgwright.partition_put_back($1)", [parent]);
      for (const { done } of rows) info(done);
      try {
        await run.query("CALL pgwright.maintain_partitions(pg_catalog.now(), $1)", [parent]);
      } catch (error) {
        const { detail, message } = error as { detail?: string; message: string };
        throw new Error(`the partitions of ${parent} could not all be brought up to date: ${detail ?? message}`);
      }
    });
    const { rows: left } = await client.query<{ copying: string | null; attention: string | null }>(
      "SELECT copying, attention FROM pgwright.partition_health WHERE parent = $1",
      [parent],
    );
    if (left[0]?.copying) info(`its job goes on: ${left[0].copying}`);
    if (left[0]?.attention) warn(left[0].attention);
  });
  return inputs;
}

/** A set of partitions: its declaration in the books of the library, which a job keeps up to the clock. */
export const partitionSet: Kind<PartitionSetInputs, PartitionSetInputs> = {
  replaceOn: ["database", "parent"],
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, operation);
    return { id: `${inputs.database}/${inputs.parent}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      const { database, parent } = state;
      const there = await ask(host, database, (client) => find(client, parent), state);
      return there && { ...there, database };
    } catch (error) {
      // Without its library, or its database, there is no set.
      if (isNoDatabase(error) || ["42P01", "3F000", "42883"].includes((error as { code?: string }).code ?? ""))
        return undefined;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, operation);
  },
  // The table keeps its partitions and their rows.
  async delete(_id, { database, parent }, { host }) {
    await withDatabase(host, database, async (client) => {
      const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [parent]);
      if (rows[0]?.there)
        await asOwner(host, database, await ownerOf(client, parent), async (run) => {
          await run.query("SELECT pgwright.partition_copy_abandon($1)", [parent]);
        });
      await client.query("DELETE FROM pgwright.partition_sets WHERE parent = $1", [parent]);
    });
  },
};
