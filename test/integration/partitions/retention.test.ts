import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { maintain as maintainIn } from "./maintain";
import { InProcessStack } from "../in-process-stack";
import { keeperStack } from "./keeper-stack";

describe("what retention takes", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { cronDatabase: "app" },
      ...keeperStack({ schemas: { data: {}, archive: {} } }),
    });
    await stack.up();
  });
  afterAll(() => stack?.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const lines = (text: string) => sql(text).split("\n").filter(Boolean);
  const create = (name: string, values: Record<string, string>, by = "RANGE (at)") => {
    sql(
      `SET ROLE owner; CREATE TABLE data."${name}" (id bigint, at timestamptz NOT NULL) PARTITION BY ${by}; CREATE INDEX ON data."${name}" (id)`,
    );
    const set = { parent: `format('%I.%I', 'data', '${name}')`, kind: "'time'", premake: "1", ...values };
    sql(`INSERT INTO pgwright.partition_sets (${Object.keys(set).join()}) VALUES (${Object.values(set).join()})`);
    return sql(`SELECT format('%I.%I', 'data', '${name}')`);
  };
  const plan = (table: string, now: string) =>
    lines(
      `SELECT action, partition, row_count FROM pgwright.partition_plan(pgwright.partition_set('${table}'), '${now}')`,
    );
  const maintain = (table: string, now: string) => maintainIn(stack, table, now);

  it.each([
    { name: "detached", then: { then: "detach" } },
    // In the same schema.
    { name: "archived", then: { then: "archive", tablespace: "pg_default" } },
  ])(
    "stays beside the set when it is $name, and rows that come late get a partition of another name",
    async ({ name, then }) => {
      const retention = `'${JSON.stringify({ age: "2 months", ...then })}'`;
      const table = create(name, { interval: "'1 month'", overflow: "'drain'", start: "'2026-01-01'", retention });
      sql(`SET ROLE owner; CREATE TABLE data.${name}_default PARTITION OF ${table} DEFAULT`);
      await maintain(table, "2026-02-10Z");
      sql(`INSERT INTO ${table} VALUES (1, '2026-01-10Z')`);
      await maintain(table, "2026-06-10Z");
      expect(sql(`SELECT id FROM data.${name}_y2026m01`)).toBe("1");
      for (const [n, late] of ["_2", "_3"].entries()) {
        sql(`INSERT INTO ${table} VALUES (${n + 2}, '2026-01-11Z')`);
        // As it is said, so it is done; and the run after it takes it out again.
        const partition = `data.${name}_y2026m01${late}`;
        expect(plan(table, "2026-06-10Z")).toEqual([`create|${partition}|1`]);
        await maintain(table, "2026-06-10Z");
        expect(sql(`SELECT tableoid::regclass FROM ${table}`)).toBe(partition);
        expect(plan(table, "2026-06-10Z")).toEqual([`${then.then}|${partition}|1`]);
        await maintain(table, "2026-06-10Z");
        expect(sql(`SELECT count(*) FROM ${table}`)).toBe("0");
        expect(sql(`SELECT id FROM ${partition}`)).toBe(String(n + 2));
      }
      // Who takes the first one away gives its name back.
      sql(`DROP TABLE data.${name}_y2026m01; INSERT INTO ${table} VALUES (9, '2026-01-12Z')`);
      expect(plan(table, "2026-06-10Z")).toEqual([`create|data.${name}_y2026m01|1`]);
      await maintain(table, "2026-06-10Z");
      expect(sql(`SELECT tableoid::regclass FROM ${table}`)).toBe(`data.${name}_y2026m01`);
    },
  );

  it("is not given the name of a table that somebody else has made", async () => {
    const table = create("taken", { interval: "'1 month'" });
    sql("CREATE TABLE data.taken_y2026m06 (mine int)");
    await expect(maintain(table, "2026-06-10Z")).rejects.toThrow(
      /data\.taken_y2026m06 exists and is not the partition of data\.taken/,
    );
  });

  it("goes into the archive with all that is below it, to schema and tablespace, whatever names are taken there", async () => {
    docker("exec", stack.container, "mkdir", "-p", "/var/lib/postgresql/data/slow");
    sql("CREATE TABLESPACE slow LOCATION '/var/lib/postgresql/data/slow'");
    sql("GRANT CREATE ON TABLESPACE slow TO owner");
    const table = create("parts", {
      interval: "'1 month'",
      start: "'2026-01-01'",
      sub: `'${JSON.stringify({ by: "hash", column: "id", modulus: 2 })}'`,
      retention: `'${JSON.stringify({ age: "2 months", then: "archive", schema: "archive", tablespace: "slow" })}'`,
    });
    sql(
      `SET ROLE owner;
       CREATE TABLE archive.parts_y2026m01 (mine int);
       CREATE TABLE archive.parts_y2026m01_h1 (mine int);
       CREATE TABLE archive.other (id int);
       CREATE INDEX parts_y2026m01_h0_id_idx ON archive.other (id)`,
    );
    await maintain(table, "2026-02-10Z");
    sql(`INSERT INTO ${table} SELECT i, '2026-01-10Z' FROM generate_series(1, 100) AS i`);
    await maintain(table, "2026-05-10Z");
    const left =
      "SELECT relname FROM pg_class WHERE relnamespace = 'data'::regnamespace AND relname LIKE 'parts_y2026m01%'";
    expect(lines(left)).toEqual([]);
    const [archived] = lines(
      "SELECT name FROM pgwright.partitions_known WHERE state = 'archived' AND parent = 'data.parts' ORDER BY bound LIMIT 1",
    );
    expect(archived).toMatch(/^archive\.parts_y2026m01_\d+$/);
    expect(sql(`SELECT count(*) FROM ${archived}`)).toBe("100");
    const tree = `SELECT relid FROM pg_partition_tree('${archived}')`;
    expect(sql(`SELECT count(*) FROM (${tree}) AS t`)).toBe("3");
    expect(
      lines(
        `SELECT DISTINCT relnamespace::regnamespace, (SELECT spcname FROM pg_tablespace AS s WHERE s.oid = c.reltablespace) FROM pg_class AS c
         WHERE oid IN (${tree}) OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (${tree}))`,
      ),
    ).toEqual(["archive|slow"]);
    // The second month had no name in its way.
    expect(lines("SELECT relid FROM pg_partition_tree('archive.parts_y2026m02') ORDER BY 1")).toEqual([
      "archive.parts_y2026m02",
      "archive.parts_y2026m02_h0",
      "archive.parts_y2026m02_h1",
    ]);
  });

  it("has names that fit, however many bytes their letters take", async () => {
    const long = "ü".repeat(31); // 62 bytes
    const hash = create(long, { kind: "'hash'", modulus: "12" }, "HASH (id)");
    await maintain(hash, "2026-02-10Z");
    const under = (table: string) => lines(`SELECT relid FROM pg_partition_tree('${table}') WHERE isleaf`);
    expect(under(hash)).toHaveLength(12);

    const late = `${"日".repeat(20)}x`; // 61 bytes
    const range = create(late, {
      interval: "'1 month'",
      overflow: "'drain'",
      start: "'2026-01-01'",
      sub: `'${JSON.stringify({ by: "hash", column: "id", modulus: 11 })}'`,
      retention: `'${JSON.stringify({ age: "2 months", then: "archive", schema: "archive" })}'`,
    });
    sql(`SET ROLE owner; CREATE TABLE data."d" PARTITION OF ${range} DEFAULT`);
    await maintain(range, "2026-02-10Z");
    expect(under(range)).toHaveLength(3 * 11 + 1);
    for (let turn = 0; turn < 3; turn += 1) {
      sql(`INSERT INTO ${range} VALUES (1, '2026-01-10Z')`);
      await maintain(range, "2026-06-10Z");
      await maintain(range, "2026-06-10Z");
    }
    expect(sql(`SELECT count(*) FROM ${range}`)).toBe("0");
    const january = `parent = '${range}' AND state = 'archived' AND bound LIKE '%FROM (''2026-01%'`;
    expect(sql(`SELECT count(*) FROM pgwright.partitions_known WHERE ${january}`)).toBe("3");
    expect(
      sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'data'::regnamespace AND relname LIKE '日%2026m01%'"),
    ).toBe("0");
  });
});
