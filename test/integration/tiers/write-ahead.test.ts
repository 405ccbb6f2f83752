import { spawnSync } from "node:child_process";
import { escapeLiteral as literal, type Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EVENTS, TiersServer } from "./server";

describe("the write-ahead table of a tiered set", () => {
  let server: TiersServer;
  let owner: Client;
  let writer: Client;
  beforeAll(async () => {
    server = await TiersServer.start();
    owner = await server.connect("owner");
    writer = await server.connect("writer");
  });
  afterAll(() => server.stop());

  beforeEach(() => {
    if (server.sql("SELECT count(*) FROM pgwright.tiers_sets") === "1") server.drop();
    server.create(EVENTS);
    server.sql("GRANT SELECT ON data.events TO writer");
  });
  const grant = () =>
    server.sql("GRANT INSERT ON data.events_wa TO writer; GRANT EXECUTE ON FUNCTION data.events_wa_number() TO writer");
  const active = () => server.sql("SELECT relation FROM data.events_tables WHERE state = 'active'");
  const tableOf = (id: number) => server.sql(`SELECT tableoid::regclass FROM data.events_wa WHERE id = ${id}`);
  const stateOf = (table: string) =>
    server.sql(`SELECT state FROM data.events_tables WHERE relation = '${table}'::regclass`);
  const maintain = () => owner.query("CALL data.events_partition_maintenance()");
  /** What psql says of this input of the writer's. */
  const psql = (input: string) => {
    const args = ["exec", "-i", server.stack.container, "psql", "-X", "-U", "postgres", "-d", "app", "-f", "-"];
    return spawnSync("docker", args, { input: `SET ROLE writer;\n${input}`, encoding: "utf8" }).stderr;
  };

  it("takes rows from those who may write to it, into the table of now, by prepared statements and by COPY", async () => {
    const insert = (id: number) =>
      writer.query({ name: "insert", text: "INSERT INTO data.events_wa (id) VALUES ($1)", values: [id] });
    await expect(insert(1)).rejects.toThrow(/permission denied for table events_wa/);
    server.sql("GRANT INSERT ON data.events_wa TO writer");
    await expect(insert(1)).rejects.toThrow(/permission denied for function events_wa_number/);
    grant();
    // By the sixth time the plan is one for good, and has to follow the roll all the same.
    for (let id = 1; id < 9; id += 1) {
      await insert(id);
      expect(tableOf(id)).toBe(active());
      await owner.query("CALL data.events_roll_wa()");
      expect(tableOf(id)).not.toBe(active());
    }
    const rows = "21\t2040-01-01\t1\n22\t2040-01-02\t2\n";
    expect(psql(`COPY data.events_wa (id, at, place) FROM stdin;\n${rows}\\.\n`)).toBe("");
    expect([tableOf(21), tableOf(22)]).toEqual([active(), active()]);
    server.sql("GRANT EXECUTE ON FUNCTION data.events_wa_number() TO PUBLIC");
    await owner.query("CALL data.events_roll_wa()");
    expect(server.sql("SELECT has_function_privilege('stranger', 'data.events_wa_number()', 'EXECUTE')")).toBe("t");
    await maintain();
    const { rows: found } = await writer.query("SELECT count(*)::int AS n, sum(place)::int AS s FROM data.events");
    expect(found).toEqual([{ n: 10, s: 3 }]);
    expect(psql("INSERT INTO data.events_wa (id, wa_number) VALUES (23, 99);")).toMatch(
      /no partition of relation "events_wa" found/,
    );
  });

  it("keeps the rows of a transaction that began before a roll, and is emptied once it has ended", async () => {
    grant();
    const late = await server.connect("writer");
    const before = active();
    await late.query("BEGIN; INSERT INTO data.events_wa (id, at) VALUES (31, '2040-01-01 12:00Z')");
    await owner.query("INSERT INTO data.events (id) VALUES (30)");
    await owner.query("CALL data.events_roll_wa()");
    await maintain();
    expect(stateOf(before)).toBe("closed");
    await late.query("INSERT INTO data.events_wa (id, at) VALUES (32, '2040-01-01 12:00Z'); COMMIT");
    await late.end();
    for (let n = 0; n < 3; n += 1) {
      await owner.query("CALL data.events_roll_wa()");
      await maintain();
    }
    expect(server.sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM data.events")).toBe("30 31 32");
    expect(server.sql("SELECT count(*) FROM data.events_wa")).toBe("0");
    expect(stateOf(before)).toMatch(/active|ready/);
  });

  describe("of an older version, a parent that others inherit from,", () => {
    /** Rows 1 and 2, in tables as an older version of the library has made them. */
    const before = async () => {
      await owner.query("INSERT INTO data.events (id, at) VALUES (1, '2040-01-01 12:00Z')");
      await owner.query("CALL data.events_roll_wa()");
      await owner.query("INSERT INTO data.events (id, at) VALUES (2, '2040-01-01 12:00Z')");
      server.sql(`DO $$
        DECLARE t regclass;
        BEGIN
          ALTER TABLE data.events_wa RENAME TO events_new;
          CREATE TABLE data.events_wa (id bigint, at timestamptz DEFAULT now(), place int NOT NULL DEFAULT 0, note text);
          ALTER TABLE data.events_wa OWNER TO owner;
          FOR t IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'data.events_new'::regclass LOOP
            EXECUTE format('ALTER TABLE data.events_new DETACH PARTITION %s', t);
            EXECUTE format('ALTER TABLE %s DROP COLUMN wa_number', t);
            EXECUTE format('ALTER TABLE %s INHERIT data.events_wa', t);
          END LOOP;
          EXECUTE 'CREATE OR REPLACE VIEW data.events AS ' || replace(pg_get_viewdef('data.events'), 'events_new', 'events_wa');
          DROP TABLE data.events_new;
          DROP FUNCTION data.events_wa_number();
          ALTER TABLE data.events_tables ADD COLUMN number bigint;
          UPDATE data.events_tables SET state = 'spare' WHERE state = 'ready';
        END $$`);
      expect(server.describe().problems).toContain("data.events_wa is a relation of another kind");
    };

    it("is brought to this one with its rows, privileges and row security", async () => {
      await before();
      server.sql(`GRANT SELECT ON data.events_wa TO stranger; GRANT UPDATE (place) ON data.events_wa TO stranger;
        ALTER TABLE data.events_wa ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON data.events_wa TO stranger USING (place = 1);
        CREATE TABLE data.events_wa_before ()`);
      const alter = () => server.sql(`SELECT pgwright.tiers_alter(${literal(JSON.stringify(EVENTS))})`);
      expect(alter).toThrow(/"events_wa_before" already exists/);
      server.sql("DROP TABLE data.events_wa_before");
      alter();
      expect(server.describe().problems).toEqual([]);
      expect(server.sql("SELECT to_regclass('data.events_wa_before') IS NULL")).toBe("t");
      expect(
        server.sql(`SELECT has_table_privilege('stranger', 'data.events_wa', 'SELECT'), has_table_privilege('stranger', 'data.events_wa', 'UPDATE'),
          has_column_privilege('stranger', 'data.events_wa', 'place', 'UPDATE'), relrowsecurity,
          (SELECT polname FROM pg_policy WHERE polrelid = c.oid) FROM pg_class AS c WHERE oid = 'data.events_wa'::regclass`),
      ).toBe("t|f|t|t|mine");
      grant();
      server.sql("CREATE POLICY all_rows ON data.events_wa FOR INSERT TO writer WITH CHECK (true)");
      await writer.query("INSERT INTO data.events_wa (id, at) VALUES (3, '2040-01-01 12:00Z')");
      for (let n = 0; n < 3; n += 1) {
        await owner.query("CALL data.events_roll_wa()");
        await maintain();
      }
      expect(server.sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM data.events")).toBe("1 2 3");
      expect(server.sql("SELECT count(*) FROM data.events_wa")).toBe("0");
    });

    it("goes on until it is, and can be dropped without", async () => {
      await before();
      await owner.query("CALL data.events_roll_wa()");
      await owner.query("INSERT INTO data.events (id, at) VALUES (3, '2040-01-01 12:00Z')");
      expect(server.sql("SELECT count(DISTINCT tableoid) FROM data.events_wa WHERE id > 1")).toBe("2");
      server.drop("data", "events", true);
      expect(server.sql("SELECT string_agg(id::text, ' ' ORDER BY id) FROM data.events")).toBe("1 2 3");
      expect(server.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'events_wa%'")).toBe("0");
      server.sql("DROP TABLE data.events");
    });
  });
});
