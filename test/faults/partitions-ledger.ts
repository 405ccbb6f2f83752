import type { Client } from "pg";

// What was acknowledged: a table of the same database, written in the same transactions, which any snapshot can be compared
// to; and the memory of the test, which no server can lose.

export const SETS = ["drained", "copied", "archived", "late"] as const;
export type SetName = (typeof SETS)[number];

export interface Row {
  set: SetName;
  /** Seconds since 1970. */
  at: number;
  value: number;
}

/**
 * One set is drained; one as well, and by a copy, since a publication would send a half of the moves; one archived; and one both drained and
 * archived, so that what comes late is archived too. The ledger has no partitions.
 */
export const TABLES = `
  SET ROLE owner;
  CREATE TABLE data.drained (id bigint, at timestamptz, value int NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE data.drained_default PARTITION OF data.drained DEFAULT;
  CREATE TABLE data.copied (LIKE data.drained INCLUDING INDEXES) PARTITION BY RANGE (at);
  CREATE TABLE data.copied_default PARTITION OF data.copied DEFAULT;
  CREATE TABLE data.archived (id bigint, at timestamptz, value int NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
  CREATE TABLE data.late (LIKE data.archived INCLUDING INDEXES) PARTITION BY RANGE (at);
  CREATE TABLE data.late_default PARTITION OF data.late DEFAULT;
  CREATE TABLE data.ledger (id bigint PRIMARY KEY, set text NOT NULL, at timestamptz NOT NULL, value int NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp());
  RESET ROLE;
  CREATE PUBLICATION half FOR TABLE data.copied WITH (publish = 'insert', publish_via_partition_root = true);
  INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, overflow, retention) VALUES
    ('data.drained', 'time', '1 day', 3, 'drain', NULL),
    ('data.copied', 'time', '1 day', 3, 'drain', NULL),
    ('data.archived', 'time', '1 day', 3, 'none', '{"age": "3 days", "then": "archive", "schema": "archive"}'),
    ('data.late', 'time', '1 day', 3, 'drain', '{"age": "3 days", "then": "archive", "schema": "archive"}')`;

/** Tables that were partitions of a set and still hold its rows: detached, about to be, or in the archive. */
async function outside(client: Client, set: SetName): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT k.partition::regclass::text AS name
     FROM pgwright.partitions_known AS k
     JOIN pg_class AS c ON c.oid = k.partition
     LEFT JOIN pg_inherits AS i ON i.inhrelid = k.partition
     WHERE k.parent = $1 AND (i.inhrelid IS NULL OR i.inhdetachpending)`,
    [`data.${set}`],
  );
  return rows.map(({ name }) => name);
}

/** Rows that are not in set and ledger once each, as text; `settled`: those written in the last seconds are left out. */
async function differences(
  client: Client,
  set: SetName,
  { tables = [], id, settled = false }: { tables?: string[]; id?: number; settled?: boolean } = {},
): Promise<string[]> {
  const only = id === undefined ? "" : `AND id = ${id}`;
  const there = [`data.${set}`, ...tables]
    .map((table) => `SELECT id, at, value, 1 AS n, tableoid::regclass::text AS place FROM ${table} WHERE true ${only}`)
    .join(" UNION ALL ");
  const { rows } = await client.query<{ text: string }>(
    `SELECT format('%s at %s value %s: %s', id, at, value, string_agg(place, ', ')) AS text
     FROM (${there} UNION ALL SELECT id, at, value, -1, 'ledger' FROM data.ledger WHERE set = '${set}' ${only}) AS both_sides
     GROUP BY id, at, value
     HAVING sum(n) <> 0 ${settled ? "AND NOT EXISTS (SELECT FROM data.ledger AS l WHERE l.id = both_sides.id AND l.since > now() - interval '3 s')" : ""}
     LIMIT 5`,
  );
  return rows.map(({ text }) => text);
}

/** In one snapshot: set and archive beside the ledger. What is archived meanwhile has another name: then once more. */
export async function compare(client: Client, set: SetName, id?: number): Promise<string[]> {
  for (let tries = 0; ; tries += 1) {
    try {
      // The lock first, then the snapshot: from the lock on nothing leaves the set.
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      await client.query(`LOCK TABLE data.${set} IN ACCESS SHARE MODE`);
      return await differences(client, set, { tables: await outside(client, set), id });
    } catch (error) {
      if ((error as { code?: string }).code !== "42P01" || tries === 20) throw error;
    } finally {
      await client.query("ROLLBACK");
    }
  }
}

/** A query like any other, of a set that keeps its partitions. `isolation` as BEGIN has it. */
export async function compareInOne(client: Client, set: SetName, isolation: string): Promise<string[]> {
  await client.query(`BEGIN ISOLATION LEVEL ${isolation} READ ONLY`);
  try {
    return await differences(client, set, { settled: isolation === "READ COMMITTED" });
  } finally {
    await client.query("ROLLBACK");
  }
}

/** The ledger of the server beside the memory of the test. */
export async function compareMemory(client: Client, memory: Map<number, Row>): Promise<string[]> {
  const { rows } = await client.query<{ id: string; set: SetName; at: string; value: number }>(
    "SELECT id, set, extract(epoch FROM at) AS at, value FROM data.ledger",
  );
  const found = new Map(rows.map(({ id, set, at, value }) => [Number(id), { set, at: Number(at), value }]));
  const lost = [...memory].filter(([id, row]) => JSON.stringify(found.get(id)) !== JSON.stringify(row));
  const unknown = [...found.keys()].filter((id) => !memory.has(id));
  return [
    ...lost
      .slice(0, 5)
      .map(([id, row]) => `${id}: acknowledged ${JSON.stringify(row)}, found ${JSON.stringify(found.get(id))}`),
    ...unknown
      .slice(0, 5)
      .map((id) => `${id}: deleted, or never acknowledged, and found ${JSON.stringify(found.get(id))}`),
  ];
}
