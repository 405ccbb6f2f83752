import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { TiersServer } from "../test/integration/tiers/server";
import { median, report, seconds } from "./report";

// Tiered tables beside a plain partitioned table with GIST: the same rows, ranges and other indexes, on one server. Rows are
// the earthquakes of a week from vega-datasets, each many times with other seconds and a place nearby, written in order of time.
// `npm run bench -- tiers ROWS` takes more or fewer rows.

const ROWS = 200_000;
const BATCH = 1000;
const DAY = 86_400_000;
/** Rolled and moved that often, in the time of the rows. */
const ROUND = 6 * 3_600_000;
/** Of a day's partition with some 30 000 rows; 128 is for a hundred times as many. */
const PAGES_PER_RANGE = 8;
const QUERIES = 60;

interface Quake {
  id: string;
  at: number;
  x: number;
  y: number;
  magnitude: number;
}

/** Numbers that are the same in each run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function quakes(rows: number): Quake[] {
  const file = join(__dirname, "..", "node_modules", "vega-datasets", "data", "earthquakes.json");
  const { features } = JSON.parse(readFileSync(file, "utf8")) as {
    features: { id: string; properties: { time: number; mag: number | null }; geometry: { coordinates: number[] } }[];
  };
  const random = dice(17);
  const clamp = (value: number, most: number) => Math.max(-most, Math.min(most, value));
  return Array.from({ length: rows }, (_, i): Quake => {
    const { id, properties, geometry } = features[i % features.length] as (typeof features)[number];
    const [x = 0, y = 0] = geometry.coordinates;
    return {
      id: `${id}-${i}`,
      at: properties.time + Math.floor((random() - 0.5) * 3_600_000),
      x: clamp(x + (random() - 0.5) * 4, 180),
      y: clamp(y + (random() - 0.5) * 4, 90),
      magnitude: properties.mag ?? 0,
    };
  }).sort((a, b) => a.at - b.at);
}

const COLUMNS = "fid text NOT NULL, dtg timestamptz NOT NULL, magnitude float8, geom gis.geometry(Point,4326)";

function prepare(server: TiersServer, from: number, to: number): void {
  server.create({
    schema: "data",
    name: "tiered",
    owner: "owner",
    columns: [
      { name: "fid", type: "text" },
      { name: "dtg", type: "timestamptz" },
      { name: "magnitude", type: "float8" },
      { name: "geom", type: "geometry(Point,4326)" },
    ],
    id: "fid",
    time: "dtg",
    sortKey: { geometry: "geom" },
    intervalHours: 24,
    pagesPerRange: PAGES_PER_RANGE,
  });
  const partitions: string[] = [];
  for (let day = Math.floor(from / DAY) * DAY; day <= to; day += DAY) {
    const bound = (time: number) => `'${new Date(time).toISOString()}'`;
    partitions.push(
      `CREATE TABLE data.plain_${day / DAY} PARTITION OF data.plain FOR VALUES FROM (${bound(day)}) TO (${bound(day + DAY)})`,
    );
  }
  server.sql(`SET ROLE owner; CREATE TABLE data.plain (${COLUMNS}) PARTITION BY RANGE (dtg); ${partitions.join("; ")};
    CREATE INDEX ON data.plain USING gist (geom); CREATE INDEX ON data.plain (fid, dtg); CREATE INDEX ON data.plain (dtg)`);
}

async function insert(client: Client, table: string, rows: Quake[]): Promise<number> {
  const columns = [
    rows.map(({ id }) => id),
    rows.map(({ at }) => new Date(at).toISOString()),
    rows.map(({ magnitude }) => magnitude),
    rows.map(({ x }) => x),
    rows.map(({ y }) => y),
  ];
  return seconds(() =>
    client.query(
      `INSERT INTO data.${table} (fid, dtg, magnitude, geom) SELECT f, d, m, gis.ST_SetSRID(gis.ST_MakePoint(x, y), 4326)
       FROM unnest($1::text[], $2::timestamptz[], $3::float8[], $4::float8[], $5::float8[]) AS r (f, d, m, x, y)`,
      columns,
    ),
  );
}

/** Median milliseconds of queries with a box around some quake, in a window of time; and the rows found, to compare. */
async function query(client: Client, table: string, rows: Quake[], from: number, to: number) {
  const random = dice(23);
  const times: number[] = [];
  let found = 0;
  for (let i = 0; i < QUERIES; i += 1) {
    const { x, y } = rows[Math.floor(random() * rows.length)] as Quake;
    const box = `gis.ST_MakeEnvelope(${x - 2}, ${y - 2}, ${x + 2}, ${y + 2}, 4326)`;
    const sql = `SELECT count(*)::int AS n, sum(magnitude) FROM data.${table} WHERE geom OPERATOR(gis.&&) ${box}
      AND dtg >= '${new Date(from).toISOString()}' AND dtg < '${new Date(to).toISOString()}'`;
    await client.query(sql);
    times.push(
      (await seconds(async () => {
        found += (await client.query(sql)).rows[0].n;
      })) * 1000,
    );
  }
  return { ms: median(times), found };
}

/** Bytes of the indexes of a method, or of all. */
function bytes(server: TiersServer, pattern: string, methods: string): number {
  return Number(
    server.sql(`SELECT sum(pg_relation_size(c.oid)) FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
      JOIN pg_am AS m ON m.oid = c.relam WHERE i.indrelid::regclass::text ~ '^data\\.${pattern}_\\D*\\d' AND m.amname ~ '${methods}'`),
  );
}

export async function run([count = String(ROWS)]: string[]): Promise<void> {
  const rows = quakes(Number(count));
  const [first, last] = [rows[0], rows.at(-1)] as [Quake, Quake];
  const server = await TiersServer.start({ postgis: true, server: { memory: "2GB", cpus: 2 } });
  try {
    const client = await server.connect("owner");
    prepare(server, first.at, last.at);
    const writing = { tiered: 0, plain: 0 };
    let moving = 0;
    const move = async (at: number) => {
      moving += await seconds(async () => {
        await client.query("CALL data.tiered_roll_wa()");
        await client.query(
          `CALL pgwright.tiers_partition_maintenance('data', 'tiered', '${new Date(at).toISOString()}')`,
        );
      });
    };
    let next = first.at + ROUND;
    for (let i = 0; i < rows.length; i += BATCH) {
      const batch = rows.slice(i, i + BATCH);
      // Turn about, so that neither always comes first.
      for (const table of i % (2 * BATCH) ? (["plain", "tiered"] as const) : (["tiered", "plain"] as const))
        writing[table] += await insert(client, table, batch);
      const now = batch.at(-1)?.at ?? 0;
      if (now >= next) {
        await move(now);
        next = now + ROUND;
      }
    }
    console.log(`${rows.length} rows written, ${server.sql("SELECT count(*) FROM data.tiered")} in the tiers`);
    await client.query("CALL data.tiered_analyze_partitions()");
    await client.query("VACUUM ANALYZE data.plain");
    for (const relation of server
      .sql("SELECT relation FROM data.tiered_tables WHERE tier IN ('partition', 'wa_partition')")
      .split("\n"))
      await client.query(`VACUUM ANALYZE ${relation}`);

    const windows = {
      recent: [last.at - 6 * 3_600_000, last.at + 1],
      old: [first.at + DAY, first.at + 3 * DAY],
    } as const;
    const measured: Record<string, { ms: number; found: number }> = {};
    for (const [name, [from, to]] of Object.entries(windows)) {
      for (const table of ["plain", "tiered"])
        measured[`${table} ${name}`] = await query(client, table, rows, from, to);
      if (measured[`plain ${name}`]?.found !== measured[`tiered ${name}`]?.found)
        throw new Error(`${name}: other rows are found`);
    }
    const against = "partitioned, with GIST";
    const rate = (time: number) => rows.length / time;
    const ms = (key: string) => measured[key]?.ms ?? NaN;
    report("tiers", [
      { name: "ingest", ours: rate(writing.tiered), peer: rate(writing.plain), unit: "rows/s", against },
      {
        name: "ingest-and-moves",
        ours: rate(writing.tiered + moving),
        peer: rate(writing.plain),
        unit: "rows/s",
        against,
      },
      {
        name: "spatial-index-size",
        ours: bytes(server, "tiered", "gist|brin") / 1024,
        peer: bytes(server, "plain", "gist") / 1024,
        unit: "kB",
        against,
      },
      {
        name: "index-size",
        ours: bytes(server, "tiered", ".") / 1024,
        peer: bytes(server, "plain", ".") / 1024,
        unit: "kB",
        against,
      },
      { name: "query-recent", ours: ms("tiered recent"), peer: ms("plain recent"), unit: "ms", against },
      { name: "query-old", ours: ms("tiered old"), peer: ms("plain old"), unit: "ms", against },
    ]);
  } finally {
    await server.stop();
  }
}
