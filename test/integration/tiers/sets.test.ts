import { escapeLiteral as literal, type Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { docker } from "../stack";
import { EVENTS, TiersServer, type Description, type SetConfig } from "./server";

describe("a tiered set", () => {
  let server: TiersServer;
  let owner: Client;
  let writer: Client;
  let stranger: Client;
  beforeAll(async () => {
    server = await TiersServer.start();
    owner = await server.connect("owner");
    writer = await server.connect("writer");
    stranger = await server.connect("stranger");
  });
  afterAll(() => server.stop());

  const exists = () => server.sql("SELECT count(*) FROM pgwright.tiers_sets WHERE set_name = 'events'") === "1";
  const fresh = (config: SetConfig = EVENTS) => {
    if (exists()) server.drop();
    server.sql("DROP TABLE IF EXISTS data.events");
    server.create(config);
    server.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON data.events TO writer");
  };
  const objects = () =>
    server.sql(
      "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'data'::regnamespace) + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'data'::regnamespace)",
    );
  const alter = (config: SetConfig) => server.sql(`SELECT pgwright.tiers_alter(${literal(JSON.stringify(config))})`);

  describe("refuses", () => {
    const refused: [string, Record<string, unknown>, RegExp][] = [
      ["an unknown key", { hours: 3 }, /unknown keys \{hours\}/],
      ["a long name", { name: "n".repeat(32) }, /name must have 1 to 31 bytes/],
      ["a long name in bytes", { name: "ü".repeat(16) }, /name must have 1 to 31 bytes/],
      ["no name", { name: null }, /name must have 1 to 31 bytes, .* not null/],
      ["an unknown owner", { owner: "nobody" }, /role nobody does not exist/],
      ["an owner without rights", { owner: "stranger" }, /stranger may not create tables in the schema data/],
      ["an unknown schema", { schema: "nowhere" }, /schema nowhere does not exist/],
      ["no columns", { columns: [] }, /columns must be a list/],
      ["an unknown type", { columns: [{ name: "id", type: "bigmint" }] }, /column id: type bigmint does not exist/],
      ["SQL for a type", { columns: [{ name: "id", type: "int); DROP TABLE x; --" }] }, /type int\).* does not exist/],
      [
        "SQL for a default",
        { columns: [...(EVENTS.columns as object[]), { name: "x", type: "int", default: "0); DROP TABLE y; --" }] },
        /column x: default must be one expression/,
      ],
      [
        "a column twice",
        { columns: [...(EVENTS.columns as object[]), { name: "id", type: "int" }] },
        /two have the name id/,
      ],
      [
        "a column of the write-ahead table",
        { columns: [...(EVENTS.columns as object[]), { name: "wa_number", type: "int" }] },
        /the name wa_number is reserved for the write-ahead table/,
      ],
      ["an unknown id", { id: "key" }, /id must be one of the columns, not key/],
      [
        "a time that is a date",
        { time: "place" },
        /time must be one of the columns, of type timestamptz, not place integer/,
      ],
      ["no sort key", { sortKey: {} }, /sortKey must be/],
      ["two sort keys", { sortKey: { geometry: "place", columns: ["place"] } }, /sortKey must be/],
      ["a geometry that is none", { sortKey: { geometry: "place" } }, /place must be a column of type geometry/],
      ["an unknown column to sort by", { sortKey: { columns: ["x"] } }, /sortKey: x is not one of the columns/],
      ["an unknown column to index", { indexes: ["x"] }, /indexes: x is not one of the columns/],
      [
        "hours that do not divide a day",
        { intervalHours: 5 },
        /intervalHours must be a number of hours that divides 24, not 5/,
      ],
      ["hours in words", { intervalHours: "six" }, /intervalHours must be .* not six/],
      ["a maximum age of nothing", { maxAge: "0 days" }, /maxAge must be greater than zero/],
      ["a maximum age in words", { maxAge: "a while" }, /maxAge must be an interval/],
      ["a minute of the roll", { minuteOffset: 9 }, /minuteOffset must be from 0 to 8, not 9/],
      ["no pages", { pagesPerRange: 0 }, /pagesPerRange must be from 1/],
      ["an unknown tablespace", { tablespaces: { main: "fast" } }, /tablespace fast for main does not exist/],
      ["a tier that is none", { tablespaces: { hot: "pg_default" } }, /tablespaces must be/],
      ["odd minutes", { walMinutes: 7 }, /walMinutes must be/],
    ];
    it.each(refused)("%s, and changes nothing", (_, change, message) => {
      if (exists()) server.drop();
      const before = objects();
      expect(() => server.create({ ...EVENTS, ...change })).toThrow(message);
      expect(objects()).toBe(before);
    });

    it("a configuration with all its problems at once", () => {
      expect(() => server.create({ ...EVENTS, name: "", intervalHours: 7, maxAge: "no" })).toThrow(
        /name must.*intervalHours.*maxAge/s,
      );
    });

    it("a name that is taken", () => {
      if (exists()) server.drop();
      server.sql("CREATE TABLE data.events_spill ()");
      expect(() => server.create(EVENTS)).toThrow(/data\.events_spill exists already/);
      server.sql("DROP TABLE data.events_spill");
    });
  });

  it("works with names that have to be quoted", async () => {
    const name = 'Odd "events" ü';
    const columns = [
      { name: "the ID", type: "uuid", default: "gen_random_uuid()" },
      { name: "At", type: "timestamptz" },
      { name: "select", type: "numeric(10,2)" },
    ];
    server.create({
      ...EVENTS,
      name,
      columns,
      id: "the ID",
      time: "At",
      sortKey: { columns: ["select"] },
      indexes: ["At"],
    });
    const view = 'data."Odd ""events"" ü"';
    await owner.query(`INSERT INTO ${view} ("At", "select") VALUES ('2040-01-01 12:00Z', 1.5)`);
    await owner.query('CALL data."Odd ""events"" ü_roll_wa"()');
    await owner.query(`CALL data."Odd ""events"" ü_partition_wa"('2040-01-01 13:00Z')`);
    await owner.query(`CALL data."Odd ""events"" ü_merge_wa_partitions"('2040-01-02 13:00Z')`);
    const { rowCount } = await owner.query(`UPDATE ${view} SET "select" = 2`);
    expect(rowCount).toBe(1);
    expect(server.describe("data", name).problems).toEqual([]);
    server.drop("data", name);
  });

  describe("has a view that", () => {
    beforeEach(() => fresh());

    it("gives back what was written, with right counts", async () => {
      const inserted = await writer.query(
        "INSERT INTO data.events (id, place) VALUES (1, 5), (2, 6) RETURNING id, place, at IS NOT NULL AS timed",
      );
      expect(inserted.rows).toEqual([
        { id: "1", place: 5, timed: true },
        { id: "2", place: 6, timed: true },
      ]);
      const updated = await writer.query("UPDATE data.events SET note = 'x' WHERE id IN (1, 2, 3) RETURNING id, note");
      expect(updated.rowCount).toBe(2);
      expect(updated.rows[0].note).toBe("x");
      const deleted = await writer.query("DELETE FROM data.events WHERE id IN (2, 3) RETURNING id");
      expect(deleted.rows).toEqual([{ id: "2" }]);
      await writer.query(
        "DO $$ DECLARE n bigint; BEGIN UPDATE data.events SET note = 'y'; GET DIAGNOSTICS n = ROW_COUNT; IF n <> 1 THEN RAISE '%', n; END IF; END $$",
      );
    });

    it("takes MERGE and rows that two others join to", async () => {
      await writer.query("INSERT INTO data.events (id) VALUES (1)");
      const merged = await writer.query(
        "MERGE INTO data.events AS e USING (VALUES (1), (2)) AS v (id) ON e.id = v.id WHEN MATCHED THEN UPDATE SET note = 'merged' WHEN NOT MATCHED THEN INSERT (id, at, place) VALUES (v.id, now(), 0)",
      );
      expect(merged.rowCount).toBe(2);
      const joined = await writer.query(
        "UPDATE data.events AS e SET note = v.x FROM (VALUES ('a'), ('b')) AS v (x) WHERE e.id = 1",
      );
      expect(joined.rowCount).toBe(1);
      const deleted = await writer.query(
        "DELETE FROM data.events AS e USING (VALUES ('a'), ('b')) AS v (x) WHERE e.id = 1",
      );
      expect(deleted.rowCount).toBe(1);
    });

    it("keeps rows with the same id and time apart", async () => {
      await writer.query("INSERT INTO data.events (id, at) SELECT 1, '2040-01-01Z' FROM generate_series(1, 3)");
      expect((await writer.query("UPDATE data.events SET note = 'x'")).rowCount).toBe(3);
      expect((await writer.query("DELETE FROM data.events")).rowCount).toBe(3);
      expect((await writer.query("SELECT FROM data.events")).rowCount).toBe(0);
    });

    it("refuses times that no range can be made for, and what NOT NULL forbids", async () => {
      await expect(writer.query("INSERT INTO data.events (id, at) VALUES (1, 'infinity')")).rejects.toThrow(
        /time_has_range/,
      );
      await expect(writer.query("INSERT INTO data.events (id, at, place) VALUES (1, now(), NULL)")).rejects.toThrow(
        /null value/,
      );
    });

    it.each([
      ["update", "UPDATE data.events SET place = place + 1 WHERE id = 1"],
      ["delete", "DELETE FROM data.events WHERE id = 1"],
    ])("does not lose the update of another one: %s", async (_, statement) => {
      await writer.query("INSERT INTO data.events (id) VALUES (1)");
      const other = await server.connect("writer");
      await other.query("BEGIN");
      await other.query("UPDATE data.events SET place = place + 1 WHERE id = 1");
      const second = writer.query(statement).then(
        () => "done",
        (error: { code: string }) => error.code,
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      await other.query("COMMIT");
      expect(await second).toBe("40001");
      await writer.query(statement);
    });

    it("shows a reader one state, whatever moves: an older snapshot keeps its tables", async () => {
      await writer.query(
        "INSERT INTO data.events SELECT i, '2040-01-01 12:00Z'::timestamptz + i * interval '1 min', i FROM generate_series(1, 100) AS i",
      );
      const reader = await server.connect("writer");
      await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
      await reader.query("SELECT 1 FROM pg_class LIMIT 1");
      await owner.query("CALL data.events_roll_wa()");
      await owner.query("CALL data.events_partition_wa('2040-01-01 20:00Z')");
      await owner.query("CALL data.events_merge_wa_partitions('2040-01-03 00:00Z')");
      await owner.query("CALL data.events_partition_sort('2040-01-01 12:30Z')");
      expect((await reader.query("SELECT count(*)::int AS n, sum(place)::int AS s FROM data.events")).rows).toEqual([
        { n: 100, s: 5050 },
      ]);
      await reader.query("COMMIT");
      await owner.query("CALL pgwright.tiers_partition_maintenance('data', 'events', '2040-01-03 00:00Z')");
      expect((await reader.query("SELECT count(*)::int AS n FROM data.events")).rows).toEqual([{ n: 100 }]);
      expect(server.sql("SELECT count(*) FROM data.events_partition")).toBe("100");
      // The emptied tables are gone now.
      expect(
        server.sql("SELECT count(*) FROM data.events_tables WHERE state NOT IN ('active', 'ready', 'loaded')"),
      ).toBe("0");
    });
  });

  describe("belongs to its owner:", () => {
    beforeEach(() => fresh());

    it.each([
      ["CALL data.events_roll_wa()", /permission denied/],
      [
        "CALL pgwright.tiers_roll_wa('data', 'events')",
        /tiered set data\.events does not exist, or is not visible to stranger/,
      ],
      ["SELECT pgwright.tiers_drop('data', 'events', false)", /tiered set data\.events does not exist/],
      [
        `SELECT pgwright.tiers_create(${literal(JSON.stringify({ ...EVENTS, name: "theirs" }))})`,
        /role stranger may not change tiered sets of owner/,
      ],
      [`SELECT pgwright.tiers_alter(${literal(JSON.stringify(EVENTS))})`, /tiered set data\.events does not exist/],
      ["SELECT pgwright.tiers_forget_set('data', 'events')", /role stranger may not change tiered sets of owner/],
      ["UPDATE pgwright.tiers_sets SET config = '{}'", /permission denied/],
      ["SELECT * FROM data.events", /permission denied/],
      ["SELECT * FROM data.events_wa", /permission denied/],
      ["SELECT pgwright.tiers_describe('data', 'events')", /tiered set data\.events does not exist/],
    ])("another role may not %s", async (statement, message) => {
      await expect(stranger.query(statement)).rejects.toThrow(message);
    });

    it("another role sees no sets, the owner its own, and none writes the configuration", async () => {
      expect((await stranger.query("SELECT * FROM pgwright.tiers_status")).rows).toEqual([]);
      const { rows } = await owner.query("SELECT set_name, wal_tables, problems FROM pgwright.tiers_status");
      expect(rows).toEqual([{ set_name: "events", wal_tables: 3, problems: [] }]);
      await expect(owner.query("UPDATE pgwright.tiers_sets SET config = '{}'")).rejects.toThrow(/permission denied/);
    });

    it("a trigger function that runs as the owner cannot be put on another table", async () => {
      await expect(
        stranger.query(
          "CREATE TEMP VIEW v AS SELECT 1 AS id; CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION data.events_insert()",
        ),
      ).rejects.toThrow(/permission denied/);
    });

    it("a superuser is reported to become the owner", () => {
      expect(() => server.sql("CALL data.events_roll_wa()")).toThrow(/maintained by its owner owner, not by postgres/);
    });

    it("everything made is the owner's", async () => {
      await owner.query("INSERT INTO data.events (id) VALUES (1)");
      await owner.query("CALL data.events_roll_wa()");
      expect(
        server.sql("SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'data'::regnamespace"),
      ).toBe("owner");
    });
  });

  describe("is described", () => {
    beforeEach(() => fresh());

    it.each([
      ["DROP TRIGGER tiers_update ON data.events", "the trigger for update on data.events is missing"],
      ["ALTER TABLE data.events_spill OWNER TO postgres", "data.events_spill belongs to postgres"],
      ["DROP TABLE data.events_sort_queue", "data.events_sort_queue is missing"],
      ["DROP PROCEDURE data.events_age_off", "the routine data.events_age_off is missing"],
      [
        "CREATE OR REPLACE PROCEDURE data.events_roll_wa() LANGUAGE plpgsql AS 'BEGIN END'",
        "the routine data.events_roll_wa was edited",
      ],
      ["DROP TABLE data.events_wa_000", "0 tables of data.events_wa receive writes, not one"],
    ])("with what is wrong after %s, and repaired", async (damage, problem) => {
      expect(server.describe().problems).toEqual([]);
      server.sql(damage);
      expect(server.describe().problems).toContain(problem);
      if (/OWNER/.test(damage)) server.sql("ALTER TABLE data.events_spill OWNER TO owner");
      alter(EVENTS);
      expect(server.describe().problems).toEqual([]);
      expect((await writer.query("INSERT INTO data.events (id) VALUES (1)")).rowCount).toBe(1);
      expect((await writer.query("DELETE FROM data.events")).rowCount).toBe(1);
    });

    it("with its size, ages and runs", async () => {
      await writer.query("INSERT INTO data.events (id, at) VALUES (1, '2040-01-01 12:00Z'), (2, '2040-01-01 13:00Z')");
      await owner.query("CALL data.events_roll_wa()");
      const described = async () => {
        await owner.query("CALL data.events_partition_maintenance()");
        return server.describe() as unknown as Description;
      };
      // A transaction that is just open, autovacuum's say, makes a move wait for the next run.
      const moved = ({ tiers, walTables }: Description) => Boolean(tiers.waPartition?.newest) && walTables === 3;
      await vi.waitUntil(async () => moved(await described()), { timeout: 10_000, interval: 500 });
      const { tiers, lastRoll, lastMaintenance, walTables, lag } = await described();
      expect(tiers.waPartition).toMatchObject({
        oldest: "2040-01-01T12:00:00+00:00",
        newest: "2040-01-01T13:00:00+00:00",
      });
      expect(tiers.waPartition?.tables).toBeGreaterThanOrEqual(2); // and those that are made ahead
      expect(walTables).toBe(3);
      expect(lag).toBe(0);
      expect(Date.parse(lastRoll)).toBeGreaterThan(Date.now() - 60_000);
      expect(Date.parse(lastMaintenance)).toBeGreaterThan(Date.now() - 60_000);
    });

    it("with its jobs", () => {
      alter({ ...EVENTS, minuteOffset: 3 });
      expect(
        server.sql("SELECT job, schedule, command FROM pgwright.tiers_jobs('data', 'events')").split("\n").slice(0, 3),
      ).toEqual([
        "app.data.events-roll-wa|9,19,29,39,49,59 * * * *|CALL data.events_roll_wa()",
        "app.data.events-part-maintenance|3,13,23,33,43,53 * * * *|CALL data.events_partition_maintenance()",
        "app.data.events-analyze|* * * * *|CALL data.events_analyze_partitions()",
      ]);
    });
  });

  it("is taken up again when only the books have lost it", async () => {
    fresh({ ...EVENTS, indexes: ["note"] });
    await owner.query("INSERT INTO data.events (id, note) VALUES (1, 'here')");
    await owner.query("CALL data.events_roll_wa()");
    server.sql("DROP SCHEMA pgwright CASCADE");
    server.install();
    expect(() =>
      server.create({ ...EVENTS, columns: [...(EVENTS.columns as object[]), { name: "x", type: "text" }] }),
    ).toThrow(/exists already/);
    server.create({ ...EVENTS, indexes: ["note"] });
    expect(server.describe().problems).toEqual([]);
    await owner.query("CALL data.events_partition_maintenance()");
    await owner.query("INSERT INTO data.events (id) VALUES (2)");
    expect(server.sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM data.events")).toBe("1,2");
  });

  it("refuses to change what cannot change", () => {
    fresh({ ...EVENTS, indexes: ["note"] });
    expect(() => alter({ ...EVENTS, indexes: ["note"], id: "place" })).toThrow(
      /cannot change .*id from "id" to "place"/,
    );
    expect(() => alter({ ...EVENTS, indexes: ["note"], pagesPerRange: 64 })).toThrow(
      /cannot change pagesPerRange from 128 to 64/,
    );
    expect(() => alter({ ...EVENTS, indexes: [] })).toThrow(/indexes can only be added/);
    expect(() => alter({ ...EVENTS, name: "other" })).toThrow(/tiered set data\.other does not exist/);
  });

  it("gets further indexes on the tables that are there", async () => {
    fresh();
    alter({ ...EVENTS, indexes: ["note"] });
    await owner.query("CALL data.events_partition_maintenance()");
    expect(server.sql("SELECT count(*) FROM pg_indexes WHERE schemaname = 'data' AND indexdef LIKE '%(note)'")).toBe(
      "3",
    );
  });

  it("has its tables and their indexes in the tablespaces of their tiers", async () => {
    docker("exec", server.stack.container, "mkdir", "/var/lib/postgresql/data/fast", "/var/lib/postgresql/data/large");
    for (const space of ["fast", "large"])
      server.sql(`CREATE TABLESPACE ${space} LOCATION '/var/lib/postgresql/data/${space}'`);
    const tablespaces = { wa: "fast", main: "large" };
    expect(() => fresh({ ...EVENTS, tablespaces })).toThrow(/owner may not create tables in fast.*in large/);
    server.sql("GRANT CREATE ON TABLESPACE fast TO owner");
    server.sql("GRANT CREATE ON TABLESPACE large TO owner");
    fresh({ ...EVENTS, tablespaces: { wa: "fast" } });
    alter({ ...EVENTS, tablespaces });
    await writer.query("INSERT INTO data.events (id, at) VALUES (1, '2040-01-01 12:00Z'), (2, '2040-01-01 22:00Z')");
    await owner.query("CALL data.events_roll_wa()");
    await owner.query("CALL data.events_partition_wa('2040-01-02 01:00Z')");
    const where = server.sql(`
      SELECT DISTINCT t.tier, c.relkind, coalesce(s.spcname, '-') FROM data.events_tables AS t
      JOIN pg_class AS c ON c.oid = t.relation OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = t.relation)
      LEFT JOIN pg_tablespace AS s ON s.oid = c.reltablespace ORDER BY 1, 2`);
    expect(where.split("\n")).toEqual([
      "partition|i|large",
      "partition|r|large",
      "wa|i|fast",
      "wa|r|fast",
      "wa_partition|i|-",
      "wa_partition|r|-",
    ]);
  });

  it("is dropped with its rows, or leaves them in a table with its grants", async () => {
    fresh();
    await writer.query(
      "INSERT INTO data.events SELECT i, '2040-01-01 12:00Z'::timestamptz + i * interval '1 min', i FROM generate_series(1, 100) AS i",
    );
    await owner.query("CALL data.events_roll_wa()");
    await owner.query("CALL data.events_partition_wa('2040-01-01 20:00Z')");
    await owner.query("CALL data.events_merge_wa_partitions('2040-01-03 00:00Z')");
    await writer.query(
      "INSERT INTO data.events (id, at) VALUES (101, '2040-01-01 12:00Z'), (102, '2050-01-01 12:00Z')",
    );
    server.drop("data", "events", true);
    expect((await writer.query("SELECT count(*)::int AS n FROM data.events")).rows).toEqual([{ n: 102 }]);
    expect((await writer.query("INSERT INTO data.events (id, at) VALUES (103, now())")).rowCount).toBe(1);
    expect(server.sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'data'::regnamespace")).toBe("0");
    server.sql("DROP TABLE data.events");
    fresh();
    server.drop();
    expect(objects()).toBe("0");
  });
});
