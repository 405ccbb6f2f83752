import { describe, expect, it } from "vitest";
import { refusal, withHazard } from "../../provider/hazard";
import { NOTHING, type Catalog, type Table } from "../../provider/kinds/migrations/locks/catalog";
import { LockAnalysis } from "../../provider/kinds/migrations/locks/lock-analysis";
import { parseMigration } from "../../provider/kinds/migrations/files/file";

const table = (more: Partial<Table> = {}): Table => ({
  kind: "r",
  size: "12 GB",
  rows: 40_000_000,
  empty: false,
  logged: true,
  tablespace: "pg_default",
  method: "heap",
  partitionOf: null,
  remainder: null,
  checks: [],
  columns: {},
  ...more,
});
const empty = table({ empty: true, rows: 0, size: "0 bytes" });
const catalog: Catalog = {
  timeZone: "UTC",
  tables: {
    "shop.orders": table(),
    "shop.users": table({ size: "8192 bytes", rows: null }),
    "shop.none": empty,
    "shop.keyed": table({
      columns: { id: { type: 20, base: 20, typmod: -1, notNull: true, checked: false, unique: true } },
    }),
    "shop.v": table({ kind: "v" }),
    "shop.m": table({ kind: "m" }),
    "shop.part": table({ partitionOf: "shop.parent" }),
    "shop.parent": table({ kind: "p", remainder: "shop.rest" }),
    "shop.rest": table({ size: "1 GB" }),
    'shop."Odd one"': table({
      columns: { "a b": { type: 25, base: 25, typmod: -1, notNull: false, checked: false, unique: false } },
    }),
  },
  types: { "pg_catalog.int4": { type: 23, base: 23, typmod: -1, array: false, checked: false } },
  binaryCasts: [],
  functions: {},
  schemas: { shop: { tables: 3, size: "13 GB", rows: 41_000_000, empty: false }, bare: undefined },
};

/** What is reported of a file, line 2 on. */
async function reported(sql: string, found: Catalog | null = catalog, options = ""): Promise<string[]> {
  const { up } = await parseMigration("001_x.sql", `-- migrate:up${options}\n${sql}`);
  const effects = new LockAnalysis("d", found ?? undefined);
  const steps = up.statements.map(({ line, ...step }) => ({ at: `001_x.sql line ${line}`, ...step }));
  return effects
    .analyze(steps, up.blocks[0]?.transaction ?? true)
    .map(({ hazard, text }) => (hazard ? withHazard(hazard, text) : text));
}

const ORDERS = "shop.orders in database d wait (12 GB, about 40,000,000 rows): 001_x.sql line 2 takes";
const ONCE = "001_x.sql line 2 is one";
const IN_BATCHES =
  "in database d: about 40,000,000 rows (12 GB); changed rows stay locked until it ends; to run it in batches, write -- pgwright:batch before it, with transaction:false";
const ALONE = " for a moment";

describe("what a migration means for those who use the tables", () => {
  it.each<[string, string[]]>([
    [
      "ALTER TABLE shop.orders ADD COLUMN x int GENERATED ALWAYS AS IDENTITY;",
      [`LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE, and rewrites the table`],
    ],
    [
      "ALTER TABLE shop.orders ADD COLUMN x int;",
      [`BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`],
    ],
    [
      "ALTER TABLE shop.orders ADD COLUMN x int UNIQUE, ADD CHECK (y > 0);",
      [
        `LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE, and builds an index; instead: CREATE UNIQUE INDEX CONCURRENTLY, with transaction:false, then ADD CONSTRAINT ... USING INDEX; ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT, with transaction:false`,
      ],
    ],
    [
      "CREATE INDEX i ON shop.orders (x);",
      [
        `LOCK: writes of ${ORDERS} SHARE, and builds an index; instead: CREATE INDEX CONCURRENTLY, with transaction:false`,
      ],
    ],
    [
      "REINDEX TABLE shop.orders;",
      [
        `LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE, and builds an index; instead: REINDEX ... CONCURRENTLY, with transaction:false`,
      ],
    ],
    [
      "ALTER TABLE shop.orders ADD FOREIGN KEY (x) REFERENCES shop.users;",
      [
        `LOCK: writes of ${ORDERS} SHARE ROW EXCLUSIVE, and scans the table; instead: ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT, with transaction:false`,
        `BRIEF LOCK: writes of shop.users in database d wait (8192 bytes, an unknown number of rows): 001_x.sql line 2 takes SHARE ROW EXCLUSIVE${ALONE}`,
      ],
    ],
    [
      "CREATE TABLE shop.new (user_id int REFERENCES shop.orders);",
      [`BRIEF LOCK: writes of ${ORDERS} SHARE ROW EXCLUSIVE${ALONE}`],
    ],
    [
      "CREATE TRIGGER g AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION f();",
      [`BRIEF LOCK: writes of ${ORDERS} SHARE ROW EXCLUSIVE${ALONE}`],
    ],
    [
      "ALTER TABLE shop.orders RENAME COLUMN x TO y;",
      [`BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`],
    ],
    ["ALTER TABLE shop.orders VALIDATE CONSTRAINT c;", []],
    ["ALTER TABLE shop.orders SET (fillfactor = 50);", []],
    ["ALTER TABLE shop.orders DISABLE TRIGGER g;", [`BRIEF LOCK: writes of ${ORDERS} SHARE ROW EXCLUSIVE${ALONE}`]],
    ["CREATE TABLE shop.t (x int); ALTER TABLE shop.t ADD UNIQUE (x); DROP TABLE shop.t;", []],
    ["ALTER TABLE shop.none ADD UNIQUE (x); TRUNCATE shop.none; DROP TABLE shop.none; DELETE FROM shop.none;", []],
    ["DROP TABLE IF EXISTS shop.absent; ALTER TABLE shop.absent ADD UNIQUE (x); DROP VIEW shop.v;", []],
    [
      "DROP TABLE shop.orders, shop.users;",
      [
        "DATA LOSS: shop.orders in database d is dropped with about 40,000,000 rows (12 GB): 001_x.sql line 2",
        "DATA LOSS: shop.users in database d is dropped with an unknown number of rows (8192 bytes): 001_x.sql line 2",
      ],
    ],
    [
      "DROP TABLE shop.part;",
      [
        "DATA LOSS: shop.part in database d is dropped with about 40,000,000 rows (12 GB): 001_x.sql line 2",
        `BRIEF LOCK: reads and writes of shop.parent in database d wait (12 GB, about 40,000,000 rows): 001_x.sql line 2 takes ACCESS EXCLUSIVE${ALONE}`,
      ],
    ],
    [
      "CREATE TABLE shop.p2 PARTITION OF shop.parent FOR VALUES IN (2);",
      [
        `BRIEF LOCK: reads and writes of shop.parent in database d wait (12 GB, about 40,000,000 rows): 001_x.sql line 2 takes ACCESS EXCLUSIVE${ALONE}`,
        "LOCK: reads and writes of shop.rest in database d wait (1 GB, about 40,000,000 rows): 001_x.sql line 2 takes ACCESS EXCLUSIVE, and scans the table",
      ],
    ],
    [
      'ALTER TABLE shop."Odd one" DROP COLUMN "a b";',
      [
        `BRIEF LOCK: reads and writes of shop."Odd one" in database d wait (12 GB, about 40,000,000 rows): 001_x.sql line 2 takes ACCESS EXCLUSIVE${ALONE}`,
        'DATA LOSS: column "a b" of shop."Odd one" in database d is dropped, with the values of about 40,000,000 rows (12 GB): 001_x.sql line 2',
      ],
    ],
    [
      "TRUNCATE shop.orders CASCADE;",
      [
        `BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`,
        "DATA LOSS: shop.orders in database d is emptied of about 40,000,000 rows (12 GB), and so are all tables that refer to it: 001_x.sql line 2",
      ],
    ],
    ["DELETE FROM shop.orders WHERE x = 1;", [`${ONCE} DELETE of shop.orders ${IN_BATCHES}`]],
    ["UPDATE shop.orders SET x = 1;", [`${ONCE} UPDATE of shop.orders ${IN_BATCHES}`]],
    ["UPDATE shop.keyed SET x = 1 WHERE id = 7 AND x = 2;", []],
    ["UPDATE shop.keyed SET x = 1 WHERE id > 7;", [`${ONCE} UPDATE of shop.keyed ${IN_BATCHES}`]],
    ["UPDATE shop.keyed SET x = 1 WHERE id = x OR id = 7;", [`${ONCE} UPDATE of shop.keyed ${IN_BATCHES}`]],
    ["UPDATE shop.users SET x = 1;", []],
    [
      "DELETE FROM shop.orders;",
      [
        "DATA LOSS: shop.orders in database d is emptied of about 40,000,000 rows (12 GB), by a DELETE without WHERE: 001_x.sql line 2",
      ],
    ],
    [
      "DROP SCHEMA shop CASCADE; ALTER TABLE shop.orders ADD UNIQUE (x);",
      [
        "DATA LOSS: schema shop in database d is dropped with 3 tables, about 41,000,000 rows (13 GB): 001_x.sql line 2",
      ],
    ],
    ["DROP MATERIALIZED VIEW shop.m; DROP VIEW shop.v;", []],
    [
      "ALTER TABLE shop.orders DROP COLUMN IF EXISTS absent;",
      [`BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`],
    ],
    ["DROP SCHEMA bare CASCADE; DROP SCHEMA shop;", []],
  ])("%s", async (sql, lines) => {
    expect(await reported(sql, catalog, sql.split(";").length > 2 ? " transaction:false" : "")).toEqual(lines);
  });

  it("keeps locks to the end of a transaction, for as long as what follows takes", async () => {
    const two = "ALTER TABLE shop.orders ADD COLUMN x int;\nCREATE INDEX i ON shop.orders (x);";
    const kept = `LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE, and keeps the lock to the end of the file; instead: move the long statements to a file of their own`;
    expect(await reported(two)).toEqual([
      kept,
      `LOCK: writes of ${ORDERS.replace("line 2", "line 3")} SHARE, and builds an index; instead: CREATE INDEX CONCURRENTLY, with transaction:false`,
    ]);
    const first = async (follows: string) =>
      (await reported(`ALTER TABLE shop.orders ADD COLUMN x int;\nCREATE TABLE shop.new (); ${follows}`))[0];
    for (const follows of [
      "UPDATE shop.orders SET x = 1;",
      "DO $$BEGIN END$$;",
      "SELECT f();",
      "CREATE TABLE shop.copy AS SELECT 1;",
      "ALTER TABLE shop.users VALIDATE CONSTRAINT c;",
    ])
      expect(await first(follows), follows).toBe(kept);
    for (const follows of [
      "ALTER TABLE shop.orders ADD COLUMN y int;",
      "CREATE INDEX ON shop.new (x);",
      "CREATE INDEX ON shop.none (x);",
      "GRANT SELECT ON shop.new TO r;",
    ])
      expect(await first(follows), follows).toBe(`BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`);
    expect((await reported(two, catalog, " transaction:false"))[0]).toBe(
      `BRIEF LOCK: reads and writes of ${ORDERS} ACCESS EXCLUSIVE${ALONE}`,
    );
  });

  it("says how to do it without a long lock, where there is a way", async () => {
    const instead = async (sql: string) => (await reported(sql)).map((each) => each.split("; instead: ")[1])[0];
    const orders = "ALTER TABLE shop.orders";
    expect(await instead(`${orders} ALTER x SET NOT NULL;`)).toMatch(
      /^ADD CONSTRAINT .* IS NOT NULL\) NOT VALID, then/,
    );
    expect(await instead(`${orders} ADD CHECK (x > 0);`)).toMatch(/^ADD CONSTRAINT ... NOT VALID, then VALIDATE/);
    expect(await instead(`${orders} ADD PRIMARY KEY (x);`)).toMatch(/^CREATE UNIQUE INDEX CONCURRENTLY/);
    expect(await instead(`${orders} ALTER x TYPE bigint;`)).toMatch(/^a new column .*-- pgwright:batch/);
    expect(await instead(`${orders} ADD x uuid DEFAULT gen_random_uuid();`)).toMatch(/^ADD COLUMN without the default/);
    expect(await instead(`${orders} ADD x int, ADD CHECK (x > 0) NOT VALID;`)).toBeUndefined();
    expect(await instead(`${orders} ADD x int GENERATED ALWAYS AS IDENTITY;`)).toBeUndefined();
    // What PostgreSQL has for ordinary tables only.
    expect(await instead("CREATE INDEX i ON shop.parent (x);")).toMatch(/^CREATE INDEX ON ONLY/);
    expect(await instead("ALTER TABLE shop.parent ADD UNIQUE (x);")).toBeUndefined();
    expect(await instead("ALTER TABLE shop.parent ADD CHECK (x > 0);")).toMatch(/^ADD CONSTRAINT ... NOT VALID/);
  });

  it("tells of a statement in batches that it locks nobody out", async () => {
    const batch = (sql: string, found?: null) =>
      reported(`-- pgwright:batch\n${sql}`, found === undefined ? catalog : found, " transaction:false");
    expect(await batch("UPDATE shop.orders SET x = y WHERE x IS NULL;")).toEqual([
      "001_x.sql line 3 backfills shop.orders in database d in batches: about 40,000,000 rows (12 GB); locks only the rows of a batch",
    ]);
    expect(await batch("DELETE FROM shop.orders WHERE x < 7;", null)).toEqual([
      "001_x.sql line 3 deletes from shop.orders in database d in batches: rows; locks only the rows of a batch",
    ]);
    expect(await batch("DELETE FROM shop.none WHERE x < 7;")).toEqual([]);
  });

  it("can be let through by the name of the table, where guards forbid it", async () => {
    const [lock = "", loss = ""] = await reported("ALTER TABLE shop.orders ADD UNIQUE (x);\nDROP TABLE shop.users;");
    const all = [
      { hazard: "lock", lines: [lock.replace("LOCK: ", "")] },
      { hazard: "loss", lines: [loss.replace("DATA LOSS: ", "")] },
    ] as const;
    const forbid = ["lock", "loss"] as ("lock" | "loss")[];
    expect(refusal([...all], { forbid, except: [] })).toMatch(
      /such as "reads and writes of shop\.orders in database d", "shop\.users in database d"$/,
    );
    expect(refusal([...all], { forbid, except: ["shop.orders", "shop.users"] })).toBeUndefined();
  });

  it("goes by what the statements before have done", async () => {
    const scans = async (sql: string) => (await reported(sql)).some((each) => each.includes("scans"));
    const set = "ALTER TABLE shop.orders ALTER x SET NOT NULL;";
    const check = "ALTER TABLE shop.orders ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID;";
    expect(await scans(set)).toBe(true);
    expect(await scans(`${check} ${set}`)).toBe(true);
    expect(await scans(`${check} ALTER TABLE shop.orders VALIDATE CONSTRAINT c; ${set}`)).toBe(false);
    expect(await scans(`${check} ALTER TABLE shop.orders VALIDATE CONSTRAINT other; ${set}`)).toBe(true);
    const renamed = await reported(
      "ALTER TABLE shop.orders RENAME TO past; CREATE TABLE shop.orders (); DROP TABLE shop.past; DROP TABLE shop.orders;",
    );
    expect(renamed.filter((each) => each.startsWith("DATA LOSS"))).toEqual([
      "DATA LOSS: shop.past in database d is dropped with about 40,000,000 rows (12 GB): 001_x.sql line 2",
    ]);
    const twice = await reported(
      "TRUNCATE shop.orders; ALTER TABLE shop.orders ADD UNIQUE (x); CREATE TABLE IF NOT EXISTS shop.users (); DROP TABLE shop.users;",
    );
    expect(twice.map((each) => /^[A-Z ]+: .*?(wait|emptied|dropped)/.exec(each)?.[0])).toEqual([
      "BRIEF LOCK: reads and writes of shop.orders in database d wait",
      "DATA LOSS: shop.orders in database d is emptied",
      "DATA LOSS: shop.users in database d is dropped",
    ]);
  });

  it("says what it can where the catalog cannot be read, or the name has no schema, and nothing of a database to come", async () => {
    const sql = "ALTER TABLE shop.orders ADD UNIQUE (x);\nDROP SCHEMA shop CASCADE;";
    expect(await reported(sql, null)).toEqual([
      "LOCK: reads and writes of shop.orders in database d wait: 001_x.sql line 2 takes ACCESS EXCLUSIVE, and may scan the table",
      "DATA LOSS: schema shop in database d is dropped with all its objects: 001_x.sql line 3",
    ]);
    expect(await reported("CREATE TABLE shop.t (x int); ALTER TABLE shop.t ADD UNIQUE (x);", null)).toEqual([]);
    expect(await reported("DROP TABLE t;")).toEqual([
      "DATA LOSS: t in database d is dropped with its rows: 001_x.sql line 2",
    ]);
    expect(await reported(`${sql} DROP TABLE t;`, NOTHING)).toEqual([]);
  });
});
