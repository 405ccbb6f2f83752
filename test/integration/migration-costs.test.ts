import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Host } from "../../provider/host";
import { readCatalog, type Catalog } from "../../provider/kinds/migrations/locks/catalog";
import { costsOf, type Costs } from "../../provider/kinds/migrations/locks/cost";
import type { StatementOperation } from "../../provider/kinds/migrations/statements/statement-operations";
import { parseMigration } from "../../provider/kinds/migrations/files/file";
import { withDatabase } from "../../provider/session";
import { InProcessStack } from "./in-process-stack";

const SETUP = `
  CREATE SCHEMA w;
  CREATE DOMAIN w.short AS varchar(10);
  CREATE DOMAIN w.positive AS int CHECK (VALUE > 0);
  CREATE FUNCTION w.roll() RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
  CREATE FUNCTION w.fixed() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
  CREATE FUNCTION w.both() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
  CREATE FUNCTION w.both(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
  CREATE TABLE w.t (
    id int NOT NULL, v varchar(10), vu varchar, tx text, n numeric(10, 2), nu numeric, ts timestamp(3), tz timestamptz, d date,
    c char(5), b bit(4), vb varbit(4), iv interval, arr varchar(10)[], i int, sh w.short, net cidr,
    looked varchar(10) CHECK (looked <> 'x'), sure int CHECK (sure IS NOT NULL AND sure > 0), later int, perhaps int
  );
  ALTER TABLE w.t ADD CONSTRAINT later CHECK (later IS NOT NULL) NOT VALID, ADD CHECK (perhaps IS NOT NULL OR sure > 0);
  INSERT INTO w.t SELECT n, n, n, n, n, n, now(), now(), now(), n, B'1010', B'1', '1 day', ARRAY[n], n, n, '10.0.0.0/8', n, n, n, n
    FROM generate_series(1, 1000) AS n;
  CREATE UNIQUE INDEX t_id ON w.t (id);
  CREATE UNLOGGED TABLE w.fast AS SELECT * FROM w.t;
  CREATE TABLE w.u (id int PRIMARY KEY);
  INSERT INTO w.u SELECT generate_series(1, 1000);
  CREATE MATERIALIZED VIEW w.m AS SELECT * FROM w.u;
  CREATE TABLE w.events (id int NOT NULL) PARTITION BY RANGE (id);
  CREATE TABLE w.events_1 PARTITION OF w.events FOR VALUES FROM (1) TO (500);
  CREATE TABLE w.events_rest PARTITION OF w.events DEFAULT;
  INSERT INTO w.events SELECT generate_series(1, 1000);
  CREATE TABLE w.loose AS SELECT n AS id FROM generate_series(2000, 2999) AS n;
  ALTER TABLE w.loose ALTER id SET NOT NULL;
  CREATE TABLE w.proven AS SELECT * FROM w.loose;
  ALTER TABLE w.proven ALTER id SET NOT NULL, ADD CHECK (id >= 2000 AND id < 3000);
  ANALYZE;`;

type Case = [statement: string, costs: Costs, on?: string];
const REWRITES: Costs = { rewrite: "yes" };
const SCANS: Costs = { scan: "yes" };
const INDEXES: Costs = { index: "yes" };
const MAY: Costs = { rewrite: "maybe" };
const alter = (action: string, costs: Costs): Case => [`ALTER TABLE w.t ${action}`, costs];
const retype = (column: string, type: string, costs: Costs): Case =>
  alter(`ALTER COLUMN ${column} TYPE ${type}`, costs);

const CASES: Case[] = [
  alter("ADD COLUMN x int", {}),
  alter("ADD COLUMN x int DEFAULT 7 NOT NULL", {}),
  alter("ADD COLUMN x timestamptz DEFAULT now()", {}),
  alter("ADD COLUMN x date DEFAULT current_date", {}),
  alter("ADD COLUMN x int DEFAULT w.fixed()", {}),
  alter("ADD COLUMN x int DEFAULT NULL", {}),
  alter("ADD COLUMN x w.short DEFAULT 'a'", {}),
  alter("ADD COLUMN x int DEFAULT w.roll()", REWRITES),
  alter("ADD COLUMN x int DEFAULT 1 + abs(w.roll())", REWRITES),
  alter("ADD COLUMN x uuid DEFAULT gen_random_uuid()", REWRITES),
  alter("ADD COLUMN x timestamptz DEFAULT clock_timestamp()", REWRITES),
  alter("ADD COLUMN x int DEFAULT w.both()", MAY),
  alter("ADD COLUMN x int DEFAULT w.both(1)", MAY),
  alter("ADD COLUMN x bigserial", REWRITES),
  alter("ADD COLUMN x int GENERATED ALWAYS AS IDENTITY", REWRITES),
  alter("ADD COLUMN x int GENERATED ALWAYS AS (i + 1) STORED", REWRITES),
  alter("ADD COLUMN x w.positive", REWRITES),
  alter("ADD COLUMN x w.positive DEFAULT 3", REWRITES),
  alter("ADD COLUMN x int CHECK (x > 0)", SCANS),
  alter("ADD COLUMN x int UNIQUE", INDEXES),
  alter("ADD COLUMN x int REFERENCES w.u", {}),
  alter("ADD COLUMN x int DEFAULT 1 REFERENCES w.u", SCANS),
  alter("DROP COLUMN v", {}),
  alter("ALTER COLUMN v SET DEFAULT 'x'", {}),
  retype("v", "varchar(20)", {}),
  retype("v", "varchar", {}),
  retype("v", "text", {}),
  retype("v", "varchar(20) USING v::varchar(20)", {}),
  retype("v", "varchar(20) USING v", {}),
  retype("v", "varchar(5)", REWRITES),
  retype("v", "varchar(20) USING upper(v)", MAY),
  retype("v", "bpchar(20)", REWRITES),
  retype("vu", "varchar(20)", REWRITES),
  retype("vu", "text", {}),
  retype("tx", "varchar", {}),
  retype("tx", "varchar(20)", REWRITES),
  retype("tx", "w.short", REWRITES),
  retype("sh", "varchar(10)", REWRITES),
  retype("sh", "varchar(20)", REWRITES),
  retype("sh", "text", {}),
  retype("looked", "varchar(10)", SCANS),
  retype("v", "w.short", {}),
  retype("i", "bigint", REWRITES),
  retype("i", "oid", {}),
  retype("i", "w.positive", REWRITES),
  retype("i", "int", {}),
  retype("n", "numeric(12, 2)", {}),
  retype("n", "numeric", {}),
  retype("n", "numeric(12, 4)", REWRITES),
  retype("n", "numeric(9, 2)", REWRITES),
  retype("n", "numeric(12, 0)", REWRITES),
  retype("nu", "numeric(12, 2)", REWRITES),
  retype("ts", "timestamp(6)", {}),
  retype("ts", "timestamp", {}),
  retype("ts", "timestamp(4)", {}),
  retype("ts", "timestamp(2)", REWRITES),
  retype("tz", "timestamptz(3)", REWRITES),
  retype("ts", "timestamptz", {}),
  retype("ts", "timestamptz(3)", REWRITES),
  retype("tz", "timestamp", {}),
  retype("d", "timestamp", REWRITES),
  retype("c", "char(10)", REWRITES),
  retype("c", "text", REWRITES),
  retype("b", "bit(8) USING b::bit(8)", REWRITES),
  retype("vb", "varbit(8)", {}),
  retype("vb", "varbit(1)", REWRITES),
  retype("iv", "interval(3)", MAY),
  retype("arr", "varchar(20)[]", MAY),
  retype("arr", "text[]", MAY),
  retype("net", "inet", {}),
  retype("looked", "varchar(20)", SCANS),
  retype("looked", "text", SCANS),
  alter("ALTER COLUMN i SET NOT NULL", SCANS),
  alter("ALTER COLUMN id SET NOT NULL", {}),
  alter("ALTER COLUMN sure SET NOT NULL", {}),
  alter("ALTER COLUMN later SET NOT NULL", SCANS),
  alter("ALTER COLUMN perhaps SET NOT NULL", SCANS),
  alter("ALTER COLUMN id DROP NOT NULL", {}),
  alter("ADD CHECK (i > 0)", SCANS),
  alter("ADD CHECK (i > 0) NOT VALID", {}),
  alter("ADD FOREIGN KEY (i) REFERENCES w.u", SCANS),
  alter("ADD FOREIGN KEY (i) REFERENCES w.u NOT VALID", {}),
  alter("ADD PRIMARY KEY (i)", INDEXES),
  alter("ADD UNIQUE (i)", INDEXES),
  alter("ADD EXCLUDE USING btree (i WITH =)", INDEXES),
  alter("ADD UNIQUE USING INDEX t_id", {}),
  alter("ADD PRIMARY KEY USING INDEX t_id", { scan: "maybe" }),
  alter("ADD COLUMN x int, ALTER COLUMN i TYPE bigint, ADD UNIQUE (i)", { rewrite: "yes", index: "yes" }),
  alter("RENAME COLUMN v TO renamed", {}),
  alter("SET (fillfactor = 50)", {}),
  alter("SET TABLESPACE pg_default", {}),
  alter("SET TABLESPACE elsewhere", REWRITES),
  alter("SET LOGGED", {}),
  alter("SET UNLOGGED", REWRITES),
  alter("SET ACCESS METHOD heap", {}),
  ["ALTER TABLE w.fast SET LOGGED", REWRITES],
  ["CREATE INDEX ON w.t (i)", INDEXES],
  ["REINDEX TABLE w.t", INDEXES],
  ["REINDEX INDEX w.t_id", INDEXES, "w.t"],
  ["CLUSTER w.t USING t_id", REWRITES],
  ["REFRESH MATERIALIZED VIEW w.m", { fill: "yes" }],
  ["ALTER TABLE w.events ATTACH PARTITION w.loose FOR VALUES FROM (2000) TO (3000)", SCANS, "w.loose"],
  ["ALTER TABLE w.events ATTACH PARTITION w.proven FOR VALUES FROM (2000) TO (3000)", { scan: "maybe" }, "w.proven"],
  ["CREATE TABLE w.events_2 PARTITION OF w.events FOR VALUES FROM (5000) TO (6000)", SCANS, "w.events_rest"],
];

describe("what statements of migrations cost", () => {
  let stack: InProcessStack;
  let host: Host;
  beforeAll(async () => {
    stack = await InProcessStack.create({ roles: { owner: {} }, databases: { app: { owner: "owner" } } });
    await stack.up();
    host = new Host(stack.container);
    await within(async (client) => {
      await client.query("SET allow_in_place_tablespaces = on");
      await client.query("CREATE TABLESPACE elsewhere LOCATION ''");
    });
    stack.sql("app", SETUP);
  });
  afterAll(() => stack.dispose());

  const within = <T>(use: (client: Client) => Promise<T>) => withDatabase(host, "app", use);

  async function statementOperations(sql: string): Promise<StatementOperation[]> {
    const { up } = await parseMigration("001_x.sql", `-- migrate:up transaction:false\n${sql}`);
    return up.statements.flatMap(({ operations }) => operations);
  }

  async function catalogOf(operations: StatementOperation[]): Promise<Catalog> {
    return (await within((client) => readCatalog(client, operations))) as Catalog;
  }

  /** What the pure function says of the lock on a table. */
  function said(operations: StatementOperation[], catalog: Catalog, on: string): Costs {
    const work = operations.flatMap((operation): Extract<StatementOperation, { kind: "lock" }>["work"] => {
      if (operation.kind === "remainder" && catalog.tables[operation.on]?.remainder === on) return [{ does: "attach" }];
      if (operation.kind !== "lock") return [];
      // An index is locked in the name of its table.
      return operation.on === on || on === "w.t" ? operation.work : [];
    });
    const table = catalog.tables[on];
    if (!table) throw new Error(`the catalog has no ${on}`);
    return costsOf(work, table, catalog);
  }

  /** What a statement does to the files of a table, and whether it reads it whole. */
  async function seen(sql: string, on: string) {
    return within(async (client) => {
      const look = async () => {
        const { rows } = await client.query<{ file: string; scans: string }>(
          "SELECT pg_relation_filenode($1::regclass) AS file, pg_stat_get_xact_numscans($1::regclass) AS scans",
          [on],
        );
        return rows[0] as { file: string; scans: string };
      };
      await client.query("BEGIN; SET LOCAL TimeZone = 'UTC'");
      const before = await look();
      await client.query(sql);
      const after = await look();
      await client.query("ROLLBACK");
      return { rewritten: before.file !== after.file, scanned: Number(after.scans) > Number(before.scans) };
    });
  }

  it.each(CASES)("%s", async (sql, costs, on) => {
    const table = on ?? /w\.\w+/.exec(sql.replace(/w\.t_id/, "w.t"))?.[0] ?? "";
    const operations = await statementOperations(sql);
    const catalog = await catalogOf([...operations, ...(await statementOperations(`LOCK TABLE ${table}`))]);
    expect(said(operations, { ...catalog, timeZone: "UTC" }, table)).toEqual(costs);
    const { rewritten, scanned } = await seen(sql, table);
    if (costs.rewrite !== "maybe") expect({ rewritten }).toEqual({ rewritten: "rewrite" in costs || "fill" in costs });
    const { rewrite, scan, index } = costs;
    if (!rewrite && !costs.fill && scan !== "maybe")
      expect({ scanned }).toEqual({ scanned: (scan ?? index) !== undefined });
  });

  it("knows that a change of time zone rewrites, unless that is UTC", async () => {
    for (const [zone, costs] of [
      ["Europe/Berlin", REWRITES],
      ["Etc/UTC", {}],
      ["GMT", {}],
    ] as const) {
      const sql = "ALTER TABLE w.t ALTER COLUMN ts TYPE timestamptz";
      const operations = await statementOperations(sql);
      const { catalog, rewritten } = await within(async (client) => {
        await client.query(`SET TimeZone = '${zone}'`);
        const found = (await readCatalog(client, operations)) as Catalog;
        const file = async () =>
          (await client.query("SELECT pg_relation_filenode('w.t')")).rows[0].pg_relation_filenode;
        await client.query("BEGIN");
        const before = await file();
        await client.query(sql);
        const after = await file();
        await client.query("ROLLBACK");
        return { catalog: found, rewritten: before !== after };
      });
      expect(catalog.timeZone).toBe(zone);
      expect(said(operations, catalog, "w.t"), zone).toEqual(costs);
      expect(rewritten, zone).toBe("rewrite" in costs);
    }
  });

  it("knows that VACUUM FULL rewrites", async () => {
    const operations = await statementOperations("VACUUM FULL w.u");
    expect(said(operations, await catalogOf(operations), "w.u")).toEqual(REWRITES);
    const file = () => stack.sql("app", "SELECT pg_relation_filenode('w.u')");
    const before = file();
    stack.sql("app", "VACUUM FULL w.u");
    expect(file()).not.toBe(before);
  });
});
