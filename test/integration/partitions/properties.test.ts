import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maintain as maintainIn } from "./maintain";
import { InProcessStack } from "../in-process-stack";
import { keeperStack } from "./keeper-stack";

const NOW = "2026-11-20Z";

describe("what PostgreSQL does not pass on to a partition", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { settings: { wal_level: "logical" } },
      ...keeperStack(),
    });
    await stack.up();
    stack.inServer("mkdir", "-p", "/var/lib/postgresql/data/slow");
    stack.inServer("chown", "postgres", "/var/lib/postgresql/data/slow");
    sql("CREATE TABLESPACE slow LOCATION '/var/lib/postgresql/data/slow'");
    sql("GRANT CREATE ON TABLESPACE slow TO owner");
  });
  afterAll(() => stack?.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const lines = (text: string) => sql(text).split("\n").filter(Boolean);
  const maintain = (table: string, now = NOW) => maintainIn(stack, table, now);
  const declare = (table: string, values: Record<string, string>) =>
    sql(
      `INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, start, ${Object.keys(values).join()})
       VALUES ('${table}', 'time', '1 month', 1, '2026-09-01', ${Object.values(values).join()})`,
    );
  /** Of each leaf, what is asked. */
  const leaves = (table: string, what: string) =>
    lines(
      `SELECT DISTINCT ${what} FROM pg_partition_tree('${table}') AS t JOIN pg_class AS c ON c.oid = t.relid WHERE t.isleaf`,
    );

  it("comes from the table, in all partitions and those below them", async () => {
    sql(
      `SET ROLE owner;
       CREATE TABLE data.t (id int, at timestamptz NOT NULL, body text, UNIQUE (id, at)) PARTITION BY RANGE (at);
       ALTER TABLE data.t ALTER id SET NOT NULL, ALTER body SET STORAGE external, ALTER body SET COMPRESSION lz4,
         ALTER body SET STATISTICS 77, ALTER body SET (n_distinct = -0.5), REPLICA IDENTITY USING INDEX t_id_at_key, SET TABLESPACE slow;
       COMMENT ON COLUMN data.t.body IS 'what it says'; CREATE STATISTICS data.both ON id, body FROM data.t`,
    );
    declare("data.t", { sub: `'{"by": "hash", "column": "id", "modulus": 2}'` });
    await maintain("data.t");
    const column = (what: string) =>
      leaves("data.t", `(SELECT ${what} FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'body')`);
    expect(column("concat(attstorage, attcompression, attstattarget, 'n_distinct=-0.5' = ANY (attoptions))")).toEqual([
      "el77t",
    ]);
    expect(
      leaves(
        "data.t",
        "relreplident::text || (SELECT count(*) FROM pg_index WHERE indrelid = c.oid AND indisreplident)",
      ),
    ).toEqual(["i1"]);
    expect(leaves("data.t", "(SELECT spcname FROM pg_tablespace AS s WHERE s.oid = c.reltablespace)")).toEqual([
      "slow",
    ]);
    // Updates arrive at subscribers.
    sql("CREATE PUBLICATION sent FOR TABLE data.t");
    sql("INSERT INTO data.t VALUES (1, '2026-11-10Z', 'a'); UPDATE data.t SET body = 'b'; DELETE FROM data.t");
    // What changes later is brought to those that exist.
    sql("SET ROLE owner; ALTER TABLE data.t REPLICA IDENTITY FULL");
    expect(sql("SELECT what FROM pgwright.partition_drift('data.t') LIMIT 1")).toBe(
      "lacks the replica identity of data.t",
    );
    await maintain("data.t");
    expect(leaves("data.t", "relreplident")).toEqual(["f"]);
    expect(sql("SELECT count(*) FROM pgwright.partition_drift('data.t')")).toBe("0");
  });

  it("comes from the partition that was made last where a table cannot have it", async () => {
    sql(
      `SET ROLE owner;
       CREATE TABLE data.s (id int, at timestamptz NOT NULL, body text) PARTITION BY RANGE (at);
       CREATE TABLE data.s_y2026m09 PARTITION OF data.s FOR VALUES FROM ('2026-09-01Z') TO ('2026-10-01Z')
         WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_enabled = false, toast.autovacuum_vacuum_threshold = 7);
       ALTER TABLE data.s_y2026m09 REPLICA IDENTITY FULL`,
    );
    declare("data.s", { template: `'{"storage": {"fillfactor": "80"}}'` });
    await maintain("data.s");
    const made = "c.relname <> 's_y2026m09'";
    expect(leaves("data.s", `CASE WHEN ${made} THEN concat(relreplident, reloptions) END`).filter(Boolean)).toEqual([
      "f{autovacuum_vacuum_scale_factor=0.01,fillfactor=80}",
    ]);
    expect(
      leaves(
        "data.s",
        `CASE WHEN ${made} THEN (SELECT x.reloptions FROM pg_class AS x WHERE x.oid = c.reltoastrelid) END`,
      ).filter(Boolean),
    ).toEqual(["{autovacuum_vacuum_threshold=7}"]);
  });

  it("comes from the table that becomes partitioned", async () => {
    sql(
      `SET ROLE owner;
       CREATE TABLE data.p (id int, at timestamptz, body text, PRIMARY KEY (id, at)) WITH (fillfactor = 60) TABLESPACE slow;
       ALTER TABLE data.p ALTER body SET STATISTICS 55, REPLICA IDENTITY NOTHING;
       INSERT INTO data.p SELECT i, '2026-10-01Z'::timestamptz + i * interval '1 hour', 'x' FROM generate_series(1, 1000) AS i`,
    );
    declare("data.p", { convert: `'{"column": "at"}'` });
    await maintain("data.p");
    await maintain("data.p", "2027-01-20Z");
    expect(leaves("data.p", "concat(reloptions, relreplident)")).toEqual(["{fillfactor=60}n"]);
    expect(leaves("data.p", "(SELECT spcname FROM pg_tablespace AS s WHERE s.oid = c.reltablespace)")).toEqual([
      "slow",
    ]);
    expect(
      leaves("data.p", "(SELECT attstattarget FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'body')"),
    ).toEqual(["55"]);
  });

  it("is reported where only others can do it: a publication of partitions", async () => {
    sql("CREATE PUBLICATION parts FOR TABLE data.s_y2026m09, data.s_y2026m10");
    await maintain("data.s");
    expect(sql("SELECT attention FROM pgwright.partition_health WHERE parent = 'data.s'")).toMatch(
      /publication parts names other partitions of data\.s but not this one.*ALTER PUBLICATION parts ADD TABLE data\.s_y2026m12/,
    );
    sql("ALTER PUBLICATION parts ADD TABLE data.s_y2026m12");
    await maintain("data.s");
    expect(sql("SELECT attention FROM pgwright.partition_health WHERE parent = 'data.s'")).toBe("");
  });
});
