import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TiersServer, type SetConfig } from "./server";

const SHIPS: SetConfig = {
  schema: "data",
  name: "ships",
  owner: "owner",
  columns: [
    { name: "fid", type: "text" },
    { name: "dtg", type: "timestamptz" },
    { name: "geom", type: "geometry(Point,4326)", notNull: true },
  ],
  id: "fid",
  time: "dtg",
  sortKey: { geometry: "geom" },
  pagesPerRange: 4,
};

describe("a tiered set with geometries", () => {
  let server: TiersServer;
  let owner: Client;
  beforeAll(async () => {
    server = await TiersServer.start({ postgis: true });
    owner = await server.connect("owner");
    server.create(SHIPS);
    await owner.query(`INSERT INTO data.ships SELECT 's' || i, '2040-01-01 00:00Z'::timestamptz + i * interval '1 second',
      gis.ST_SetSRID(gis.ST_MakePoint((i * 7919) % 360 - 180, (i * 104729) % 180 - 90), 4326) FROM generate_series(0, 9999) AS i`);
    await owner.query("CALL data.ships_roll_wa()");
    await owner.query("CALL data.ships_partition_wa('2040-01-01 03:00Z')");
  });
  afterAll(() => server.stop());

  const indexes = (tier: string) =>
    server.sql(
      `SELECT DISTINCT m.amname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam
       JOIN data.ships_tables AS t ON t.relation = i.indrelid WHERE t.tier = '${tier}' ORDER BY 1`,
    );
  const IN_BOX =
    "SELECT count(*)::int AS n FROM data.ships WHERE geom OPERATOR(gis.&&) gis.ST_MakeEnvelope(0, 0, 20, 20, 4326)";

  it("finds its rows in each tier, by a box", async () => {
    const { n } = (await owner.query(IN_BOX)).rows[0];
    expect(n).toBeGreaterThan(10);
    expect(indexes("wa_partition")).toBe("btree\ngist");
    await owner.query("CALL data.ships_merge_wa_partitions('2040-01-02 00:00Z')");
    expect(indexes("partition")).toBe("brin\nbtree");
    expect((await owner.query(IN_BOX)).rows[0].n).toBe(n);
    expect((await owner.query("SELECT count(*)::int AS n FROM data.ships_partition")).rows[0].n).toBe(10_000);
  });

  it("lies in order along the curve, so that a box is few pages", async () => {
    const { rows } = await owner.query(
      "SELECT array_agg(geom ORDER BY ctid) = array_agg(geom ORDER BY geom) AS sorted FROM data.ships_partition",
    );
    expect(rows).toEqual([{ sorted: true }]);
    await owner.query("CALL data.ships_analyze_partitions()");
    await owner.query("SET enable_seqscan = off");
    const plan = (
      await owner.query(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${IN_BOX.replace("data.ships ", "data.ships_partition ")}`,
      )
    ).rows
      .map((row) => row["QUERY PLAN"])
      .join("\n");
    const pages = Number(/Heap Blocks: lossy=(\d+)/.exec(plan)?.[1]);
    const all = Number(
      server.sql("SELECT sum(pg_relation_size(relation)) / 8192 FROM data.ships_tables WHERE tier = 'partition'"),
    );
    expect(plan).toMatch(/Bitmap Index Scan on ships_partition_2040_01_01_00_geom_idx/);
    expect(pages).toBeLessThan(all / 2);
  });

  it("is updated, spilled and sorted as any other", async () => {
    const { rowCount } = await owner.query(
      "UPDATE data.ships SET geom = gis.ST_SetSRID(gis.ST_MakePoint(10, 10), 4326) WHERE fid IN ('s1', 's2')",
    );
    expect(rowCount).toBe(2);
    await owner.query("CALL data.ships_roll_wa()");
    await owner.query("CALL pgwright.tiers_partition_maintenance('data', 'ships', '2040-01-02 00:10Z')");
    expect(indexes("spill")).toBe("btree\ngist");
    expect(server.sql("SELECT count(*) FROM data.ships_spill")).toBe("2");
    await owner.query("CALL data.ships_partition_sort(NULL)");
    expect(
      server.sql(
        "SELECT (SELECT count(*) FROM data.ships_spill) || ' ' || (SELECT count(*) FROM data.ships_partition)",
      ),
    ).toBe("0 10000");
    expect(server.describe("data", "ships").problems).toEqual([]);
  });
});
