import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeLiteral as literal, type Client } from "pg";
import { TiersServer } from "../test/integration/tiers/server";
import { median, report, seconds, type Figure } from "./report";

// Compares tiered tables with a plain partitioned table with GiST: the same rows, ranges and other indexes, on one server. Rows are the
// earthquakes of a week from vega-datasets, repeated at random times and positions nearby, written in order of time.
// `npm run bench -- tiers ROWS` sets the number of rows.

const ROWS = 10_000_000;
const BATCH = 2000;
const DAY = 86_400_000;
/** Shares of the rows: written between moves, during moves, and through the view. The rest is written by COPY. */
const SHARES = { still: 0.5, moving: 0.45, view: 0.02 };
/** Rows of one COPY. */
const COPIED = 10_000;
const QUERIES = 60;

const COLUMNS = "fid, dtg, magnitude, geom";

/** Creates the table of source rows, numbered in order of time. Returns the first and the last time, in milliseconds. */
function makeRows(server: TiersServer, rows: number): [first: number, last: number] {
  const file = join(__dirname, "..", "node_modules", "vega-datasets", "data", "earthquakes.json");
  const { features } = JSON.parse(readFileSync(file, "utf8")) as {
    features: { id: string; properties: { time: number; mag: number | null }; geometry: { coordinates: number[] } }[];
  };
  const quakes = features.map(({ id, properties, geometry }) => ({
    id,
    ms: properties.time,
    m: properties.mag,
    x: geometry.coordinates[0],
    y: geometry.coordinates[1],
  }));
  const near = (column: string, most: number) => `greatest(-${most}, least(${most}, ${column} + (random() - 0.5) * 4))`;
  server.sql(`SELECT setseed(0.17);
    CREATE UNLOGGED TABLE data.source AS
    SELECT row_number() OVER (ORDER BY r.dtg) AS n, r.* FROM (
      SELECT q.id || '-' || i AS fid, to_timestamp(q.ms / 1000) + (random() - 0.5) * interval '1 h' AS dtg,
        coalesce(q.m, 0) AS magnitude, gis.ST_SetSRID(gis.ST_MakePoint(${near("q.x", 180)}, ${near("q.y", 90)}), 4326) AS geom
      FROM jsonb_to_recordset(${literal(JSON.stringify(quakes))}::jsonb) AS q (id text, ms float8, m float8, x float8, y float8)
      CROSS JOIN generate_series(1, ${Math.ceil(rows / quakes.length)}) AS i
    ) AS r LIMIT ${rows};
    ALTER TABLE data.source ADD PRIMARY KEY (n); ANALYZE data.source; GRANT SELECT ON data.source TO owner`);
  const times = server.sql(
    "SELECT extract(epoch FROM min(dtg)) * 1000, extract(epoch FROM max(dtg)) * 1000 FROM data.source",
  );
  return times.split("|").map(Number) as [number, number];
}

function makeTables(server: TiersServer, rows: number, first: number, last: number): void {
  server.create({
    schema: "data",
    name: "tiered",
    owner: "owner",
    columns: [
      { name: "fid", type: "text", notNull: true },
      { name: "dtg", type: "timestamptz", notNull: true },
      { name: "magnitude", type: "float8" },
      { name: "geom", type: "geometry(Point,4326)" },
    ],
    id: "fid",
    time: "dtg",
    sortKey: { geometry: "geom" },
    intervalHours: 24,
    // For partitions of a day; the default is for millions of rows.
    pagesPerRange: rows < 2_000_000 ? 8 : 32,
  });
  const partitions: string[] = [];
  for (let day = Math.floor(first / DAY) * DAY; day <= last; day += DAY) {
    const bound = (time: number) => `'${new Date(time).toISOString()}'`;
    partitions.push(
      `CREATE TABLE data.plain_${day / DAY} PARTITION OF data.plain FOR VALUES FROM (${bound(day)}) TO (${bound(day + DAY)})`,
    );
  }
  server.sql(`SET ROLE owner;
    CREATE TABLE data.plain (fid text NOT NULL, dtg timestamptz NOT NULL, magnitude float8, geom gis.geometry(Point,4326))
    PARTITION BY RANGE (dtg); ${partitions.join("; ")};
    CREATE INDEX ON data.plain USING gist (geom); CREATE INDEX ON data.plain (fid, dtg); CREATE INDEX ON data.plain (dtg)`);
}

/** Both tables; the order changes with each turn. */
function tablesInTurn(tiered: string, turn: number): (readonly [side: "tiered" | "plain", table: string])[] {
  const sides = [["tiered", tiered] as const, ["plain", "plain"] as const];
  return Math.round(turn) % 2 ? sides : sides.reverse();
}

/** Writes a range of rows into both tables alternately; returns the seconds of each. `between` runs after each batch. */
async function write(client: Client, to: string, from: number, until: number, between?: (n: number) => Promise<void>) {
  const spent = { tiered: 0, plain: 0 };
  for (let n = from; n < until; n += BATCH) {
    for (const [side, table] of tablesInTurn(to, n / BATCH))
      spent[side] += await seconds(() =>
        client.query(
          `INSERT INTO data.${table} (${COLUMNS}) SELECT ${COLUMNS} FROM data.source WHERE n > $1 AND n <= $2`,
          [n, Math.min(n + BATCH, until)],
        ),
      );
    await between?.(Math.min(n + BATCH, until));
  }
  return spent;
}

/** Writes rows by COPY from a file on the server into both tables alternately; returns the seconds of each. */
async function copy(server: TiersServer, client: Client, from: number, until: number) {
  const spent = { tiered: 0, plain: 0 };
  server.sql("GRANT pg_read_server_files, pg_write_server_files TO owner");
  for (let n = from; n < until; n += COPIED) {
    await client.query(
      `COPY (SELECT ${COLUMNS} FROM data.source WHERE n > ${n} AND n <= ${Math.min(n + COPIED, until)}) TO '/tmp/rows'`,
    );
    for (const [side, table] of tablesInTurn("tiered_wa", n / COPIED))
      spent[side] += await seconds(() => client.query(`COPY data.${table} (${COLUMNS}) FROM '/tmp/rows'`));
  }
  return spent;
}

/** Median milliseconds of queries with a box around an earthquake, in a window of time. Throws if the tables return different rows. */
async function query(client: Client, rows: number, from: number, to: number) {
  const times: Record<string, number[]> = { tiered: [], plain: [] };
  for (let i = 0; i < QUERIES; i += 1) {
    const n = 1 + Math.floor((rows * ((i * 7919) % 10_007)) / 10_007);
    const { x, y } = (
      await client.query("SELECT gis.ST_X(geom) AS x, gis.ST_Y(geom) AS y FROM data.source WHERE n = $1", [n])
    ).rows[0];
    const box = `gis.ST_MakeEnvelope(${x - 2}, ${y - 2}, ${x + 2}, ${y + 2}, 4326)`;
    const found = new Set<string>();
    for (const table of i % 2 ? ["plain", "tiered"] : ["tiered", "plain"]) {
      const sql = `SELECT count(*)::int AS n, round(sum(magnitude)::numeric, 3)::text AS sum FROM data.${table} WHERE geom OPERATOR(gis.&&) ${box}
        AND dtg >= '${new Date(from).toISOString()}' AND dtg < '${new Date(to).toISOString()}'`;
      const took = await seconds(async () => found.add(JSON.stringify((await client.query(sql)).rows)));
      times[table]?.push(took * 1000);
    }
    if (found.size > 1)
      throw new Error(`the tables return different rows around ${x}, ${y}: ${[...found].join(" and ")}`);
  }
  return { tiered: median(times.tiered ?? []), plain: median(times.plain ?? []) };
}

/** Kilobytes of the relations with a prefix: tables ("r"), or indexes ("i") of a method. */
function size(server: TiersServer, prefix: string, kind: string, methods = "."): number {
  return Number(
    server.sql(`SELECT sum(pg_relation_size(c.oid)) / 1024 FROM pg_class AS c JOIN pg_am AS m ON m.oid = c.relam
      WHERE c.relnamespace = 'data'::regnamespace AND c.relname ~ '^${prefix}_' AND c.relkind = '${kind}' AND m.amname ~ '${methods}'`),
  );
}

export async function run([count = String(ROWS)]: string[]): Promise<void> {
  const rows = Number(count);
  const server = await TiersServer.start({ postgis: true, server: { memory: "2GB", cpus: 2 } });
  try {
    const [first, last] = makeRows(server, rows);
    console.log(`${rows} rows are created`);
    makeTables(server, rows, first, last);
    const client = await server.connect("owner");
    const mover = await server.connect("owner");
    const timeOf = async (n: number) =>
      ((await client.query("SELECT dtg FROM data.source WHERE n = $1", [n])).rows[0].dtg as Date).toISOString();
    const move = async (now: string) => {
      await mover.query("CALL data.tiered_roll_wa()");
      await mover.query(`CALL pgwright.tiers_partition_maintenance('data', 'tiered', '${now}')`);
    };

    // Rolls and moves every six hours of the rows' time, between batches and outside of the measured time.
    let now = await timeOf(1);
    let movingFor = 0;
    const between = async (n: number) => {
      const time = await timeOf(n);
      if (Date.parse(time) < Date.parse(now) + DAY / 4) return;
      now = time;
      movingFor += await seconds(() => move(now));
    };
    let at = Math.round(rows * SHARES.still);
    const still = await write(client, "tiered_wa", 0, at, between);
    const moved = Number(
      server.sql(
        "SELECT (SELECT count(*) FROM data.tiered_partition) + (SELECT count(*) FROM data.tiered_wa_partition)",
      ),
    );
    console.log(`${at} rows are written, ${moved} moved in ${movingFor.toFixed(0)} s`);

    // Now the moves run during the writes.
    let until = at + Math.round(rows * SHARES.moving);
    let writing = true;
    const moves = (async () => {
      while (writing) await move(now);
    })();
    const moving = await write(client, "tiered_wa", at, until, async (n) => void (now = await timeOf(n)));
    writing = false;
    await moves;
    at = until;
    until = at + Math.round(rows * SHARES.view);
    const view = await write(client, "tiered", at, until);
    const copied = await copy(server, client, until, rows);
    console.log(`${rows} rows are written, ${server.sql("SELECT count(*) FROM data.tiered")} are in the tiers`);

    for (let turn = 0; turn < 2; turn += 1) await move(new Date(last).toISOString());
    await client.query("CALL data.tiered_analyze_partitions()");
    await client.query("VACUUM ANALYZE data.plain");
    for (const relation of server
      .sql("SELECT relation FROM data.tiered_tables WHERE tier IN ('partition', 'wa_partition')")
      .split("\n"))
      await client.query(`VACUUM ANALYZE ${relation}`);
    const recent = await query(client, rows, last - DAY / 4, last + 1);
    const old = await query(client, rows, first + DAY, first + 3 * DAY);

    const against = "partitioned, with GIST";
    const rates = (name: string, counted: number, spent: { tiered: number; plain: number }): Figure => ({
      name,
      ours: counted / spent.tiered,
      peer: counted / spent.plain,
      unit: "rows/s",
      against,
    });
    const times = (name: string, { tiered, plain }: { tiered: number; plain: number }): Figure => ({
      name,
      ours: tiered,
      peer: plain,
      unit: "ms",
      against,
    });
    const sizes = (name: string, kind: string, ours?: string, peer?: string): Figure => ({
      name,
      ours: size(server, "tiered", kind, ours) / 1024,
      peer: size(server, "plain", kind, peer) / 1024,
      unit: "MB",
      against,
    });
    report("tiers", [
      rates("ingest", rows * SHARES.still, still),
      rates("ingest-while-rows-move", rows * SHARES.moving, moving),
      rates("ingest-by-copy", rows - until, copied),
      rates("ingest-through-the-view", rows * SHARES.view, view),
      {
        name: "moved",
        ours: moved / movingFor,
        peer: (rows * SHARES.still) / still.plain,
        unit: "rows/s",
        against: "ingest",
      },
      times("query-recent", recent),
      times("query-old", old),
      sizes("table-size", "r"),
      sizes("index-size", "i"),
      sizes("spatial-index-size", "i", "gist|brin", "gist"),
    ]);
  } finally {
    await server.stop();
  }
}
