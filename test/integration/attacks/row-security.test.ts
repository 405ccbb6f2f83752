import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maintain as maintainIn } from "../partitions/maintain";
import { InProcessStack } from "../in-process-stack";

// A reader with SELECT on all tables of the schema, those to come too, asks partitions by their own names: the policies of their parent
// do not hold there, and so each partition has to have its own, however it came to be.

const NOW = "2026-11-20Z";

describe("row security of a partitioned table", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] }, app: {} },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, old: {} },
          grants: {
            keeper: { database: ["CONNECT"] },
            app: {
              schemas: {
                data: { schema: ["USAGE"], tables: ["SELECT"] },
                old: { schema: ["USAGE"], tables: ["SELECT"] },
              },
            },
          },
          partitions: { role: "keeper", schedule: "0 0 1 1 *", sets: {} },
        },
      },
    });
    await stack.up();
    sql(`SET ROLE owner; CREATE TABLE data.members (tenant int); INSERT INTO data.members VALUES (1)`);
  });
  afterAll(() => stack?.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const lines = (text: string) => sql(text).split("\n").filter(Boolean);
  const maintain = (table: string, now = NOW) => maintainIn(stack, table, now);
  /** Its outer reference has the table's name in it, and a literal that looks like one. */
  const policies = (table: string, name: string) =>
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
     CREATE POLICY mine ON ${table} USING (EXISTS (SELECT FROM data.members AS m WHERE m.tenant = ${name}.tenant AND '${name}.tenant' <> ''));
     CREATE POLICY quiet ON ${table} AS RESTRICTIVE FOR SELECT TO PUBLIC USING (note IN ('x', '${name}.note'))`;
  const create = (name: string, set: Record<string, string> = {}, columns = "") => {
    sql(
      `SET ROLE owner;
       CREATE TABLE data.${name} (junk int, id int, tenant int, at timestamptz, note varchar DEFAULT 'x' ${columns}, PRIMARY KEY (id, tenant, at)) PARTITION BY RANGE (at);
       ALTER TABLE data.${name} DROP COLUMN junk; ${policies(`data.${name}`, name)}`,
    );
    const row = {
      parent: `'data.${name}'`,
      kind: "'time'",
      interval: "'1 month'",
      premake: "1",
      start: "'2026-09-01'",
      ...set,
    };
    sql(`INSERT INTO pgwright.partition_sets (${Object.keys(row).join()}) VALUES (${Object.values(row).join()})`);
    return `data.${name}`;
  };
  /** Rows of tenants 1 and 2 in each of these months. */
  const fill = (table: string, ...months: string[]) =>
    sql(
      `INSERT INTO ${table} (id, tenant, at) SELECT 10 * g + t, t, m FROM unnest('{${months.join()}}'::timestamptz[]) WITH ORDINALITY AS m (m, g), generate_series(1, 2) AS t`,
    );
  const readable = `SELECT c.oid::regclass AS name FROM pg_class AS c WHERE c.relkind IN ('r', 'p') AND c.relname <> 'members'
    AND c.relnamespace IN ('data'::regnamespace, 'old'::regnamespace) AND has_table_privilege('app', c.oid, 'SELECT')`;
  /** Tables in which the reader sees rows of the other tenant. */
  const leaks = () =>
    lines(
      `SET ROLE app; SELECT name FROM (${readable}) AS t
       WHERE (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s WHERE tenant = 2', name), false, false, '')))[1]::text <> '0'`,
    );
  const own = (table: string) => Number(sql(`SET ROLE app; SELECT count(*) FROM ${table}`));

  it("holds in partitions of a set, and in those below them", async () => {
    const table = create("made", { sub: `'{"by": "hash", "column": "tenant", "modulus": 2}'` });
    await maintain(table);
    fill(table, "2026-10-10Z", "2026-11-10Z");
    expect(lines(readable).length).toBeGreaterThan(12);
    expect(leaks()).toEqual([]);
    expect(own("data.made_y2026m11")).toBe(1);
    expect(own("data.made")).toBe(2);
  });

  it("holds in partitions that were there before, and in those that are attached by hand", async () => {
    const table = create("before");
    sql(
      `SET ROLE owner; CREATE TABLE data.before_y2026m10 PARTITION OF ${table} FOR VALUES FROM ('2026-10-01Z') TO ('2026-11-01Z')`,
    );
    await maintain(table);
    fill(table, "2026-10-10Z", "2026-11-10Z");
    expect(leaks()).toEqual([]);
    sql(
      `SET ROLE owner; CREATE TABLE data.before_hand PARTITION OF ${table} FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z')`,
    );
    fill(table, "2025-10-10Z");
    expect(lines(`SELECT partition, what FROM pgwright.partition_drift('${table}')`)).toContain(
      "data.before_hand|lacks the row security of data.before",
    );
    await maintain(table);
    expect(leaks()).toEqual([]);
    expect(own("data.before_hand")).toBe(1);
    expect(sql(`SELECT count(*) FROM pgwright.partition_drift('${table}')`)).toBe("0");
  });

  it("follows its parent's, and what is done to a partition by hand is put back", async () => {
    const drift = () => lines(`SELECT partition FROM pgwright.partition_drift('data.before') ORDER BY 1`).length;
    const all = Number(sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'data.before'::regclass"));
    for (const [change, count, seen] of [
      ["ALTER TABLE data.before_y2026m10 DISABLE ROW LEVEL SECURITY", 1, 1],
      ["CREATE POLICY wide ON data.before_y2026m10 USING (true)", 1, 1],
      ["DROP POLICY mine ON data.before_y2026m10", 1, 1],
      ["ALTER POLICY mine ON data.before USING (tenant = 3)", all, 0],
      ["DROP POLICY mine ON data.before", all, 0],
      ["CREATE POLICY mine ON data.before USING (tenant = 1)", all, 1],
    ] as const) {
      sql(`SET ROLE owner; ${change}`);
      expect(drift(), change).toBe(count);
      expect(
        lines(`SELECT DISTINCT action FROM pgwright.partition_plan(pgwright.partition_set('data.before'), '${NOW}')`),
      ).toContain("alter");
      await maintain("data.before");
      expect(drift(), change).toBe(0);
      expect(own("data.before_y2026m10"), change).toBe(seen);
      expect(leaks(), change).toEqual([]);
    }
    // What the owner itself may not see.
    sql("SET ROLE owner; ALTER TABLE data.before FORCE ROW LEVEL SECURITY");
    await maintain("data.before");
    await maintain("data.before", "2027-01-20Z");
    for (const table of ["data.before_y2026m10", "data.before_y2027m02"])
      expect(sql(`SELECT relforcerowsecurity FROM pg_class WHERE oid = '${table}'::regclass`)).toBe("t");
    // And back.
    sql("SET ROLE owner; ALTER TABLE data.before DISABLE ROW LEVEL SECURITY");
    await maintain("data.before");
    expect(own("data.before_y2026m10")).toBe(2);
    sql("SET ROLE owner; ALTER TABLE data.before ENABLE ROW LEVEL SECURITY");
    await maintain("data.before");
    expect(leaks()).toEqual([]);
  });

  it("holds in partitions that take rows out of DEFAULT, moved or copied, and in the new DEFAULT", async () => {
    for (const name of ["moved", "copied"]) {
      const table = create(name, { overflow: "'drain'" });
      sql(`SET ROLE owner; CREATE TABLE data.${name}_default PARTITION OF ${table} DEFAULT`);
      await maintain(table);
      if (name === "copied")
        sql(
          `SET ROLE owner; CREATE TABLE data.refers (id int, tenant int, at timestamptz, note text, FOREIGN KEY (id, tenant, at) REFERENCES ${table})`,
        );
      fill(table, "2025-03-10Z", "2025-05-10Z");
      fill(`${table}`, "infinity");
      expect(
        lines(
          `SELECT DISTINCT action FROM pgwright.partition_plan(pgwright.partition_set('${table}'), '${NOW}') WHERE row_count > 0`,
        ),
      ).toContain(name === "copied" ? "drain" : "create");
      await maintain(table);
      expect(leaks()).toEqual([]);
      expect(own(`data.${name}_y2025m03`)).toBe(1);
      expect(own(`data.${name}_default`)).toBe(1);
      expect(lines(`SELECT partition, what FROM pgwright.partition_drift('${table}')`)).toEqual([]);
    }
  });

  it("holds in a table that becomes partitioned, meanwhile and after", async () => {
    sql(
      `SET ROLE owner; CREATE TABLE data.plain (junk int, id int, tenant int, at timestamptz, note text DEFAULT 'x', PRIMARY KEY (id, at));
       ALTER TABLE data.plain DROP COLUMN junk; ${policies("data.plain", "plain")}`,
    );
    sql(
      `INSERT INTO data.plain (id, tenant, at) SELECT i, 1 + i % 2, '2026-08-01Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 2000) AS i;
       INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, convert) VALUES ('data.plain', 'time', '1 month', 1, '{"column": "at"}')`,
    );
    // No time: one step.
    for (let step = 0; step < 6; step += 1) {
      sql(
        `DO $$ BEGIN PERFORM set_config('role', 'owner', true); IF pgwright.partition_copying('data.plain') IS NULL
           THEN PERFORM pgwright.partition_convert_begin(pgwright.partition_set('data.plain'), '${NOW}');
           ELSE PERFORM pgwright.partition_copy_step(pgwright.partition_set('data.plain'), '${NOW}'); END IF; END $$`,
      );
      expect(leaks()).toEqual([]);
    }
    expect(Number(sql("SELECT count(*) FROM data.plain_converting"))).toBeGreaterThan(0);
    sql("SET ROLE owner; ALTER POLICY mine ON data.plain USING (tenant = 1 AND id > 100)");
    await maintain("data.plain");
    expect(sql("SELECT relkind FROM pg_class WHERE oid = 'data.plain'::regclass")).toBe("p");
    expect(leaks()).toEqual([]);
    expect(own("data.plain")).toBe(950);
    expect(Number(sql("SET ROLE app; SELECT min(id) FROM data.plain_y2026m08"))).toBe(102);
  });

  it("goes with a partition that retention takes out of the set", async () => {
    for (const [name, retention] of [
      ["kept", { age: "1 month", then: "detach" }],
      ["stored", { age: "1 month", then: "archive", schema: "old" }],
    ] as const) {
      const table = create(name);
      await maintain(table);
      fill(table, "2026-09-10Z");
      sql(`UPDATE pgwright.partition_sets SET retention = '${JSON.stringify(retention)}' WHERE parent = '${table}'`);
      await maintain(table);
      expect(
        lines(
          `SELECT name FROM pgwright.partitions_known WHERE parent = '${table}' AND state IN ('detached', 'archived')`,
        ),
      ).toEqual([`${name === "kept" ? "data" : "old"}.${name}_y2026m09`]);
    }
    expect(leaks()).toEqual([]);
    expect(own("data.kept_y2026m09")).toBe(1);
    expect(own("old.stored_y2026m09")).toBe(1);
  });
});
