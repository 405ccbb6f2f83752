import type { Client } from "pg";

// The same operations on sets of partitions, with pgwright's library and with pg_partman.

export interface SetOfTable {
  table: string;
  /** With a DEFAULT partition, as by default in pg_partman. */
  withDefault: boolean;
  /** Number of past days with a partition. */
  past: number;
}

export interface Side {
  name: "ours" | "pg_partman";
  /** Starts to manage a partitioned table, and creates its partitions: `past` days, today, and AHEAD more. */
  adopt(client: Client, set: SetOfTable): Promise<void>;
  /** Maintains all sets of the database, as the job does. */
  maintain(client: Client): Promise<void>;
  /** Lets the next run create one partition, in this set or in all sets. */
  wantOneMore(client: Client, table?: string): Promise<void>;
  /** Lets the next run expire the partitions that ended so many days ago. */
  retire(client: Client, table: string, days: number, then: "detach" | "drop"): Promise<void>;
  /** Removes the retention. */
  retireNothing(client: Client, table: string): Promise<void>;
  /** Moves the rows of DEFAULT into their own partitions. */
  drain(client: Client, table: string): Promise<void>;
}

/** Partitions ahead of today's. */
export const AHEAD = 2;

export const ours: Side = {
  name: "ours",
  async adopt(client, { table, withDefault, past }) {
    if (withDefault) await client.query(`CREATE TABLE ${table}_default PARTITION OF ${table} DEFAULT`);
    await client.query(
      `INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, start, overflow)
       VALUES ($1, 'time', '1 day', ${AHEAD}, (now() - make_interval(days => $2))::text, $3)`,
      [table, past, withDefault ? "drain" : "none"],
    );
    await client.query("CALL pgwright.maintain_partitions(now(), $1)", [table]);
  },
  async maintain(client) {
    try {
      await client.query("CALL pgwright.maintain_partitions()");
    } catch (error) {
      const { message, detail } = error as { message: string; detail?: string };
      throw new Error(`pgwright.maintain_partitions: ${detail ?? message}`);
    }
  },
  async wantOneMore(client, table) {
    const all = table === undefined;
    await client.query("UPDATE pgwright.partition_sets SET premake = premake + 1 WHERE $1 OR parent = $2", [
      all,
      table,
    ]);
  },
  async retire(client, table, days, then) {
    await client.query("UPDATE pgwright.partition_sets SET retention = $2 WHERE parent = $1", [
      table,
      { age: `${days} days`, then },
    ]);
  },
  async retireNothing(client, table) {
    // With a declared start, expired partitions would be created again.
    await client.query("UPDATE pgwright.partition_sets SET retention = NULL, start = NULL WHERE parent = $1", [table]);
  },
  // Each run of the maintenance drains.
  drain: (client) => ours.maintain(client),
};

export const theirs: Side = {
  name: "pg_partman",
  async adopt(client, { table, withDefault, past }) {
    await client.query(
      `SELECT partman.create_parent(p_parent_table => $1, p_control => 'at', p_interval => '1 day', p_premake => ${AHEAD},
         p_start_partition => (current_date - $2::int)::text, p_default_table => $3)`,
      [table, past, withDefault],
    );
    // Otherwise pg_partman creates partitions ahead of the newest row, not of today.
    await client.query("UPDATE partman.part_config SET infinite_time_partitions = true WHERE parent_table = $1", [
      table,
    ]);
    // The first run creates the missing partitions.
    await client.query("SELECT partman.run_maintenance($1)", [table]);
  },
  async maintain(client) {
    await client.query("CALL partman.run_maintenance_proc()");
  },
  async wantOneMore(client, table) {
    const all = table === undefined;
    await client.query("UPDATE partman.part_config SET premake = premake + 1 WHERE $1 OR parent_table = $2", [
      all,
      table,
    ]);
  },
  async retire(client, table, days, then) {
    await client.query(
      `UPDATE partman.part_config
       SET retention = $2, retention_keep_table = $3, retention_keep_index = true WHERE parent_table = $1`,
      [table, `${days} days`, then === "detach"],
    );
  },
  async retireNothing(client, table) {
    await client.query("UPDATE partman.part_config SET retention = NULL WHERE parent_table = $1", [table]);
  },
  async drain(client, table) {
    // Without its pause of a second after each batch.
    await client.query("CALL partman.partition_data_proc($1, p_wait => 0, p_quiet => true)", [table]);
  },
};

export const SIDES: readonly Side[] = [ours, theirs];

/** Number of partitions of a table, with DEFAULT. */
export async function partitions(client: Client, table: string): Promise<number> {
  const { rows } = await client.query("SELECT count(*)::int AS n FROM pg_inherits WHERE inhparent = $1::regclass", [
    table,
  ]);
  return rows[0].n as number;
}
