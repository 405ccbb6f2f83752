import { escapeLiteral as literal, type Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EVENTS, TiersServer, type SetConfig } from "./server";

// Every procedure, with an artificial time.

describe("rows of a tiered set", () => {
  let server: TiersServer;
  let owner: Client;
  beforeAll(async () => {
    server = await TiersServer.start();
    owner = await server.connect("owner");
  });
  afterAll(() => server.stop());

  let first = true;
  const fresh = (config: Partial<SetConfig> = {}) => {
    // What a test that failed has left open would be in the way.
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
    if (!first) server.drop();
    first = false;
    server.create({ ...EVENTS, ...config });
  };
  const alter = (config: Partial<SetConfig>) =>
    server.sql(`SELECT pgwright.tiers_alter(${literal(JSON.stringify({ ...EVENTS, ...config }))})`);
  const call = (procedure: string, at?: string) => owner.query(`CALL data.events_${procedure}(${at ? `'${at}'` : ""})`);
  const maintain = (at: string) => owner.query(`CALL pgwright.tiers_partition_maintenance('data', 'events', '${at}')`);
  let id = 0;
  /** Rows at these times, into _wa; then a roll. */
  const write = async (...times: string[]) => {
    for (const time of times)
      await owner.query("INSERT INTO data.events (id, at, place) VALUES ($1::bigint, $2, $1::bigint % 7)", [
        (id += 1),
        time,
      ]);
    await call("roll_wa");
  };
  /** Rows of each table of a tier, by the partition's lower bound. */
  const tier = async (suffix: string) => {
    await owner.query("SET timezone = 'UTC'");
    const { rows } = await owner.query(
      `SELECT to_char(p.lower_bound, 'MM-DD HH24:MI') AS bound, to_char(p.upper_bound, 'MM-DD HH24:MI') AS until,
         (SELECT count(*)::int FROM data.events_${suffix} AS t WHERE t.tableoid = p.relation) AS n
       FROM pgwright.tiers_partitions('data.events_${suffix}') AS p ORDER BY p.lower_bound`,
    );
    // Ranges of ten minutes are made ahead.
    return rows
      .filter(({ n }) => n > 0 || suffix !== "wa_partition")
      .map(({ bound, until, n }) => `${bound} to ${until}: ${n}`);
  };
  const total = async () => (await owner.query("SELECT count(*)::int AS n FROM data.events")).rows[0].n;
  const states = () =>
    server.sql("SELECT string_agg(state, ' ' ORDER BY state) FROM data.events_tables WHERE tier = 'wa'");

  describe("roll_wa", () => {
    beforeEach(() => fresh());

    it("gives the writes a new table, unless the one of now is empty", async () => {
      const active = () => server.sql("SELECT relation FROM data.events_tables WHERE state = 'active'");
      const before = active();
      await call("roll_wa");
      expect(active()).toBe(before);
      await write("2040-01-01 12:00Z");
      expect(active()).not.toBe(before);
      expect(states()).toBe("active closed ready");
      await owner.query("INSERT INTO data.events (id) VALUES (0)");
      expect(server.sql("SELECT DISTINCT tableoid::regclass FROM data.events_wa WHERE id = 0")).toBe(active());
    });

    it("keeps the rows of a writer that began before it, and drops the table when they have moved", async () => {
      const late = await server.connect("owner");
      await late.query("BEGIN");
      await late.query("INSERT INTO data.events (id, at) VALUES (1, '2040-01-01 12:00Z')");
      await owner.query("INSERT INTO data.events (id, at) VALUES (2, '2040-01-01 12:01Z')");
      await call("roll_wa");
      await maintain("2040-01-01 12:20Z");
      expect(await total()).toBe(1);
      await late.query("INSERT INTO data.events (id, at) VALUES (3, '2040-01-01 12:02Z')");
      await late.query("COMMIT");
      expect(await total()).toBe(3);
      await maintain("2040-01-01 12:30Z");
      await call("roll_wa");
      await maintain("2040-01-01 12:40Z");
      expect(await tier("wa_partition")).toEqual(["01-01 12:00 to 01-01 12:10: 3"]);
      expect(states()).toBe("active ready ready");
      await late.end();
    });

    it("makes more tables while rows stay in them, and drops what is too many once they have moved", async () => {
      const reader = await server.connect("owner");
      await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM data.events");
      for (let n = 0; n < 5; n += 1) await write("2040-01-01 12:00Z");
      await maintain("2040-01-01 12:20Z");
      expect(states().split(" ").length).toBeGreaterThan(3);
      expect(await total()).toBe(5);
      await reader.query("COMMIT");
      await reader.end();
      for (let n = 0; n < 5; n += 1) await write("2040-01-01 12:00Z");
      for (let n = 0; n < 3; n += 1) await maintain("2040-01-01 12:20Z");
      expect(states()).toMatch(/^active( announced)?( ready){2,3}$/);
      expect(await total()).toBe(10);
    });

    it("uses a table again that rows have left", async () => {
      const tables = () =>
        server.sql(
          "SELECT string_agg(relation::text, ' ' ORDER BY relation) FROM data.events_tables WHERE tier = 'wa'",
        );
      const before = tables();
      for (let n = 0; n < 4; n += 1) {
        await write("2040-01-01 12:00Z");
        await maintain("2040-01-01 12:20Z");
      }
      expect(tables()).toBe(before);
      expect(await total()).toBe(4);
    });
  });

  describe("partition_wa", () => {
    beforeEach(() => fresh());

    it("follows partitions that somebody has attached with other bounds, or taken away", async () => {
      await write("2040-01-01 01:00Z", "2040-01-01 13:00Z");
      await call("partition_wa", "2040-01-03 00:00Z");
      server.sql(
        `SET timezone = 'UTC'; ALTER TABLE data.events_partition DETACH PARTITION data.events_partition_2040_01_01_00;
         ALTER TABLE data.events_partition ATTACH PARTITION data.events_partition_2040_01_01_00 FOR VALUES FROM ('2040-01-01') TO ('2040-01-01 12:00');
         ALTER TABLE data.events_partition DETACH PARTITION data.events_partition_2040_01_01_12`,
      );
      await write("2040-01-01 08:00Z", "2040-01-01 14:00Z");
      await call("partition_wa", "2040-01-03 00:00Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 12:00: 1", "01-01 12:00 to 01-01 18:00: 1"]);
      expect(await tier("spill")).toEqual(["01-01 00:00 to 01-01 12:00: 1"]);
      expect(server.sql("SELECT count(*) FROM data.events_partition_2040_01_01_12")).toBe("1");
      server.sql("DROP TABLE data.events_partition_2040_01_01_12");
    });

    it("puts rows into ranges of ten minutes, those of the future too", async () => {
      await write("2040-01-01 12:00:00Z", "2040-01-01 12:09:59.999999Z", "2040-01-01 12:10:00Z", "2040-01-01 15:35Z");
      await call("partition_wa", "2040-01-01 12:20Z");
      expect(await tier("wa_partition")).toEqual([
        "01-01 12:00 to 01-01 12:10: 2",
        "01-01 12:10 to 01-01 12:20: 1",
        "01-01 15:30 to 01-01 15:40: 1",
      ]);
      expect(states()).toBe("active ready ready");
      expect(await total()).toBe(4);
    });

    it("takes old rows to the last tier at once, and late ones to the spill", async () => {
      await write("2040-01-01 01:00Z", "2040-01-01 02:00Z");
      await call("partition_wa", "2040-01-01 12:00Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 2"]);
      await write("2040-01-01 03:00Z");
      await call("partition_wa", "2040-01-01 12:10Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 2"]);
      expect(await tier("spill")).toEqual(["01-01 00:00 to 01-01 06:00: 1"]);
      expect(server.sql("SELECT unsorted_count FROM data.events_sort_queue")).toBe("1");
    });

    it("does not depend on the time zone of the session", async () => {
      await owner.query("SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German, DMY'");
      await write("2040-03-25 00:00Z", "2040-03-25 23:59:59Z");
      await owner.query("SET timezone = 'America/St_Johns'");
      await call("partition_wa", "2040-03-25 23:59:59Z");
      await call("merge_wa_partitions", "2040-03-26 12:00Z");
      await owner.query("RESET datestyle");
      expect(await tier("partition")).toEqual(["03-25 00:00 to 03-25 06:00: 1", "03-25 18:00 to 03-26 00:00: 1"]);
    });

    it("leaves the rows of somebody else's transaction, and comes back for them", async () => {
      // The range is there before the other one begins.
      await write("2040-01-01 12:00Z");
      await call("partition_wa", "2040-01-01 12:00Z");
      await write("2040-01-01 12:01Z", "2040-01-01 12:02Z");
      const other = await server.connect("owner");
      await other.query("BEGIN");
      await other.query("UPDATE data.events SET note = 'held' WHERE id = $1", [id]);
      await call("partition_wa", "2040-01-01 12:20Z");
      expect(server.sql("SELECT count(*) FROM data.events_wa_partition")).toBe("2");
      expect(await total()).toBe(3);
      await other.query("COMMIT");
      await call("partition_wa", "2040-01-01 12:30Z");
      expect(server.sql("SELECT count(*) FROM data.events_wa_partition WHERE note = 'held'")).toBe("1");
      await other.end();
    });

    it.each(["infinity", "-infinity"])("refuses %s as the time of now", async (time) => {
      await expect(call("partition_wa", time)).rejects.toThrow(/p_now must be a finite time/);
    });
  });

  describe("merge_wa_partitions", () => {
    beforeEach(() => fresh());

    it("takes ranges below the cutoff, in order of the sort key, and drops what they leave", async () => {
      await write(
        "2040-01-01 00:00Z",
        "2040-01-01 05:59:59Z",
        "2040-01-01 06:00Z",
        "2040-01-01 03:00Z",
        "2040-01-01 04:00Z",
      );
      await call("partition_wa", "2040-01-01 06:10Z");
      await call("merge_wa_partitions", "2040-01-01 11:59:59Z");
      expect(await tier("partition")).toEqual([]);
      await call("merge_wa_partitions", "2040-01-01 12:00Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 4"]);
      expect(await tier("wa_partition")).toEqual(["01-01 06:00 to 01-01 06:10: 1"]);
      const { rows } = await owner.query(
        "SELECT array_agg(place ORDER BY ctid) = array_agg(place ORDER BY place, at) AS sorted FROM data.events_partition",
      );
      expect(rows).toEqual([{ sorted: true }]);
      expect(server.sql("SELECT count(*) > 0 FROM data.events_analyze_queue")).toBe("t");
      await call("analyze_partitions");
      expect(server.sql("SELECT count(*) FROM data.events_analyze_queue")).toBe("0");
      expect(server.sql("SELECT reltuples FROM pg_class WHERE relname = 'events_partition_2040_01_01_00'")).toBe("4");
    });

    it("does not block readers, and lets a reader that stays delay no more than the drop", async () => {
      await write("2040-01-01 00:00Z");
      await call("partition_wa", "2040-01-01 00:20Z");
      const reader = await server.connect("owner");
      await reader.query("BEGIN");
      await reader.query("SELECT * FROM data.events");
      const started = Date.now();
      const slowest = { ms: 0 };
      const merge = owner.query("CALL data.events_merge_wa_partitions('2040-01-02 00:00Z')").then(() => true);
      const other = await server.connect("owner");
      for (let done = false; !done;) {
        const before = Date.now();
        await other.query("SELECT count(*) FROM data.events");
        slowest.ms = Math.max(slowest.ms, Date.now() - before);
        done = await Promise.race([merge, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 10))]);
      }
      expect(slowest.ms).toBeLessThan(1000);
      expect(Date.now() - started).toBeLessThan(10_000);
      await reader.query("COMMIT");
      await maintain("2040-01-02 00:00Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 1"]);
      expect(await tier("wa_partition")).toEqual([]);
      await reader.end();
      await other.end();
    });
  });

  describe("age_off", () => {
    it("drops exactly the partitions of which all rows are too old", async () => {
      fresh({ maxAge: "1 day" });
      await write("2040-01-01 00:00Z", "2040-01-01 05:59:59.999999Z", "2040-01-01 06:00Z", "2040-01-02 07:00Z");
      await call("partition_wa", "2040-01-02 07:10Z");
      await write("2040-01-01 00:30Z");
      await call("partition_wa", "2040-01-02 07:10Z");
      expect(await tier("spill")).toEqual(["01-01 00:00 to 01-01 06:00: 1"]);
      // The first range ends at 6: until then some of its rows may be younger.
      await call("age_off", "2040-01-02 05:59:59.999999Z");
      expect(await total()).toBe(5);
      await call("age_off", "2040-01-02 06:00Z");
      expect(await tier("partition")).toEqual(["01-01 06:00 to 01-01 12:00: 1"]);
      expect(await tier("spill")).toEqual([]);
      expect(await total()).toBe(2);
      await call("age_off", "2040-01-03 07:09Z");
      expect(await total()).toBe(1);
      await call("age_off", "2040-01-03 07:10Z");
      expect(await total()).toBe(0);
    });

    it("drops nothing without a maximum age, and counts months by the calendar", async () => {
      fresh();
      await write("2040-01-31 00:00Z");
      await call("partition_wa", "2040-02-02 00:00Z");
      await call("age_off", "2090-01-01 00:00Z");
      expect(await total()).toBe(1);
      alter({ maxAge: "1 month" });
      await call("age_off", "2040-02-29 06:00Z");
      expect(await total()).toBe(1);
      await call("age_off", "2040-03-01 06:00Z");
      expect(await total()).toBe(0);
    });
  });

  describe("partition_sort", () => {
    beforeEach(() => fresh());

    it("takes the spilled rows in, in order", async () => {
      await write(...Array.from({ length: 20 }, (_, i) => `2040-01-01 01:${10 + i}Z`));
      await maintain("2040-01-02 00:00Z");
      await write("2040-01-01 01:05Z", "2040-01-01 02:00Z");
      await maintain("2040-01-02 00:10Z");
      expect(await tier("spill")).toEqual(["01-01 00:00 to 01-01 06:00: 2"]);
      await owner.query("UPDATE data.events SET note = 'changed' WHERE id % 2 = 0");
      await call("roll_wa");
      await maintain("2040-01-02 00:20Z");
      await call("partition_sort", "2040-01-01 05:59Z");
      await maintain("2040-01-02 00:30Z");
      expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 22"]);
      expect(await tier("spill")).toEqual([]);
      expect(server.sql("SELECT count(*) FROM data.events_sort_queue")).toBe("0");
      const { rows } = await owner.query(
        "SELECT array_agg(place ORDER BY ctid) = array_agg(place ORDER BY place, at) AS sorted, count(note)::int AS changed FROM data.events_partition",
      );
      expect(rows).toEqual([{ sorted: true, changed: 11 }]);
      expect(states()).toBe("active ready ready");
    });

    it("says that there is nothing to sort", async () => {
      await expect(call("partition_sort", "2040-01-01 05:59Z")).rejects.toThrow(
        /events_partition has no partition for 2040-01-01 05:59Z/,
      );
    });
  });

  it("are in tables with the row security and the replica identity of their tier", async () => {
    fresh();
    for (const parent of ["events_wa", "events_wa_partition", "events_partition", "events_spill"])
      await owner.query(
        `ALTER TABLE data.${parent} ENABLE ROW LEVEL SECURITY;
         CREATE POLICY mine ON data.${parent} FOR SELECT TO writer USING (place = 1 AND id IN (SELECT 1));
         ALTER TABLE data.${parent} REPLICA IDENTITY FULL`,
      );
    await write("2040-01-01 12:01Z", "2040-01-01 12:02Z");
    await maintain("2040-01-01 12:30Z");
    await maintain("2040-01-03 00:00Z");
    await maintain("2040-01-03 00:00Z");
    // A table of _wa has them once it was used again.
    for (let n = 0; n < 3; n += 1) {
      await write("2040-01-01 12:03Z");
      await maintain("2040-01-03 00:10Z");
    }
    const bare = `SELECT c.relname FROM data.events_tables AS t JOIN pg_class AS c ON c.oid = t.relation
      WHERE NOT (c.relrowsecurity AND c.relreplident = 'f' AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'mine'))`;
    expect(server.sql(bare)).toBe("");
    expect(server.sql("SELECT string_agg(DISTINCT tier, ' ') FROM data.events_tables")).toBe(
      "partition spill wa wa_partition",
    );
    server.sql("SET ROLE owner; SELECT pgwright.tiers_drop('data', 'events', true)");
    expect(server.sql("SELECT relrowsecurity, relreplident FROM pg_class WHERE relname = 'events_rest'")).toBe("t|f");
    server.sql("DROP TABLE data.events");
    first = true;
  });

  it("are in ranges of another width after a change of the hours, without overlap", async () => {
    fresh({ intervalHours: 2 });
    await write("2040-01-01 02:30Z");
    await maintain("2040-01-01 12:00Z");
    alter({ intervalHours: 12 });
    await write("2040-01-01 00:30Z", "2040-01-01 03:30Z", "2040-01-01 11:00Z", "2040-01-01 12:00Z");
    await maintain("2040-01-02 12:00Z");
    await maintain("2040-01-02 12:00Z");
    expect(await tier("partition")).toEqual([
      "01-01 00:00 to 01-01 02:00: 1",
      "01-01 02:00 to 01-01 04:00: 1",
      "01-01 04:00 to 01-01 12:00: 1",
      "01-01 12:00 to 01-02 00:00: 1",
    ]);
    expect(await tier("spill")).toEqual(["01-01 02:00 to 01-01 04:00: 1"]);
    expect(await total()).toBe(5);
  });

  it("stay when one step fails: the others are done, the run fails and says why", async () => {
    fresh();
    await write("2040-01-01 00:00Z", "2040-01-01 07:00Z");
    server.sql("CREATE FUNCTION data.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$");
    await call("partition_wa", "2040-01-01 07:10Z");
    const { rows } = await owner.query(
      "SELECT relation::text AS name FROM data.events_tables WHERE tier = 'wa_partition' ORDER BY 1",
    );
    server.sql(`CREATE TRIGGER refuse BEFORE DELETE ON ${rows[0].name} FOR EACH ROW EXECUTE FUNCTION data.refuse()`);
    await expect(maintain("2040-01-02 00:00Z")).rejects.toThrow(
      /1 steps failed, the others are done: move 2040-01-01 00:00Z: refused/,
    );
    expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 0", "01-01 06:00 to 01-01 12:00: 1"]);
    expect(await total()).toBe(2);
    expect(server.sql("SELECT last_error FROM data.events_runs WHERE step = 'partition_maintenance'")).toMatch(
      /refused/,
    );
    server.sql(`DROP TRIGGER refuse ON ${rows[0].name}`);
    await maintain("2040-01-02 00:10Z");
    expect(await tier("partition")).toEqual(["01-01 00:00 to 01-01 06:00: 1", "01-01 06:00 to 01-01 12:00: 1"]);
  });

  it("are looked for beside another session that drops a table", async () => {
    fresh();
    await write("2040-01-01 00:00Z", "2040-01-01 00:10Z");
    const other = await server.connect("owner");
    for (const look of [
      () => owner.query("SELECT pgwright.tiers_moves('data', 'events', '2040-01-02Z', 'wa')"),
      (relation: string) => owner.query(`SELECT pgwright.tiers_analyze_step('data', 'events', ${relation})`),
      (relation: string) => owner.query(`SELECT pgwright.tiers_is_empty(${relation}::oid)`),
    ]) {
      const { rows } = await owner.query(
        "SELECT relation::oid AS oid, relation::text AS name FROM data.events_tables WHERE tier = 'wa' AND state = 'closed' LIMIT 1",
      );
      await other.query(`BEGIN; DROP TABLE ${rows[0].name}`);
      const looking = look(rows[0].oid);
      await expect.poll(() => server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")).toBe("1");
      await other.query("COMMIT");
      await looking;
      // It is gone for certain now; a name of it would be its number.
      await look(rows[0].oid);
      await write("2040-01-01 00:20Z");
    }
  });
});
