import { describe, expect, it } from "vitest";
import {
  blocksFrom,
  hashOfDone,
  parseMigration,
  parseMigrations,
  wantedMigrations,
} from "../../provider/kinds/migrations/files/file";
import { fileNameOf, versionsOf } from "../../provider/kinds/migrations/files/file-name";
import type { Applied } from "../../provider/kinds/migrations/files/ledger";
import { planMigrations } from "../../provider/kinds/migrations/files/plan";

const parse = (body: string, options = "") => parseMigration("001_x.sql", `-- migrate:up${options}\n${body}`);
const statements = async (body: string, options = "") => (await parse(body, options)).up.statements;

describe("a migration file", () => {
  it("is split where PostgreSQL would split it, and each statement knows its line", async () => {
    const found = await statements(`-- é; comment
/* a /* nested */ ; */ SELECT 'a;b', $$;$$, $x$ $$ ; $x$;

CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN -- ;
  RETURN 1;
END $$;
SELECT '😀';
  -- last
SELECT 2`);
    expect(found.map(({ line }) => line)).toEqual([3, 5, 8, 10]);
    expect(found.map(({ sql }) => sql.split("\n")[0])).toEqual([
      "SELECT 'a;b', $$;$$, $x$ $$ ; $x$",
      "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN -- ;",
      "SELECT '😀'",
      "SELECT 2",
    ]);
  });

  it("need not be undoable", async () => {
    expect((await parse("SELECT 1;\n-- migrate:down")).down).toBeUndefined();
    expect((await parse("SELECT 1;\n-- migrate:down\n  -- nothing\n")).down).toBeUndefined();
  });

  it("hashes the same with either line end", async () => {
    const unix = await parseMigration("001_x.sql", "-- migrate:up\nSELECT 1;\n");
    const dos = await parseMigration("001_x.sql", "-- migrate:up\r\nSELECT 1;\r\n");
    expect(dos.hash).toBe(unix.hash);
    expect(wantedMigrations({ "001_x.sql": "-- migrate:up\r\nSELECT 1;\r\n" })).toEqual({ "001_x.sql": unix.hash });
    expect(dos.up.statements[0]?.sql).toBe("SELECT 1");
  });

  it.each([
    ["SELECT 1;\n\\copy t FROM 'x'", /001_x\.sql:3: \\copy is a command of psql, not SQL/],
    ["\\restrict abc", /001_x\.sql:2: \\restrict is a command of psql/],
    ["SELECT '😀😀😀😀😀😀';\nSELECT FROM FROM;", /001_x\.sql:3: syntax error at or near "FROM"/],
    ["COPY t FROM STDIN;", /001_x\.sql:2: COPY FROM STDIN/],
    ["SELECT 1;\nCOMMIT;", /001_x\.sql:3: pgwright begins and commits the transaction of a file/],
    [
      "CREATE INDEX CONCURRENTLY i ON a.t (x);",
      /001_x\.sql:2: CREATE INDEX CONCURRENTLY cannot run inside a transaction/,
    ],
    ["ALTER TABLE a.t DETACH PARTITION a.p CONCURRENTLY;", /DETACH PARTITION CONCURRENTLY cannot/],
    ["VACUUM t;", /VACUUM cannot run inside/],
    [
      "SELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:down\nSELECT 3;",
      /001_x\.sql:5: has more than one "-- migrate:down" for one "-- migrate:up"/,
    ],
  ])("refuses %j", async (body, problem) => {
    await expect(parse(body)).rejects.toThrow(problem);
  });

  it.each([
    ["20260101000300-c.sql", "20260101000300", "20260101000300-c.sql"],
    ["20260101000300 add a column.sql", "20260101000300", "20260101000300 add a column.sql"],
    ["20260101000300_v1.2.sql", "20260101000300", "20260101000300_v1.2.sql"],
    ["20260101000300.sql", "20260101000300", "20260101000300.sql"],
    ["7_ü.sql", "7", "7_ü.sql"],
    ["001_usual-name.sql", "001", "usual-name"],
  ])("may be called %s, and the ledger leads back to the file", async (file, version, name) => {
    const found = await parseMigration(file, "-- migrate:up\nSELECT 1;");
    expect(found).toMatchObject({ version, name });
    expect(fileNameOf(found)).toBe(file);
    expect(versionsOf(Object.keys(wantedMigrations({ [file]: "" }, version)))).toEqual([version]);
    expect(wantedMigrations({ [file]: "" }, "0")).toEqual({});
  });

  it("may have nothing to apply", async () => {
    for (const body of ["", "-- later\n", "\n-- migrate:down\nSELECT 1;"])
      expect((await parse(body)).up.statements).toEqual([]);
  });

  it("may have several parts, each with or without a transaction", async () => {
    const { up, down } = await parse(`SELECT 1;
SELECT 2;
-- migrate:down
SELECT -1;
-- migrate:up transaction:false
SELECT 3;
-- migrate:up
-- migrate:down transaction:false
SELECT -2;`);
    const shape = (section: typeof up, from = 0) =>
      blocksFrom(section, from).map(({ statements, transaction, first }) => [
        first,
        transaction,
        ...statements.map(({ sql }) => sql),
      ]);
    expect(shape(up)).toEqual([
      [0, true, "SELECT 1", "SELECT 2"],
      [2, false, "SELECT 3"],
    ]);
    expect(shape(up, 1)).toEqual([
      [1, true, "SELECT 2"],
      [2, false, "SELECT 3"],
    ]);
    expect(shape(up, 3)).toEqual([]);
    expect(shape(down!)).toEqual([
      [0, true, "SELECT -1"],
      [1, false, "SELECT -2"],
    ]);
  });

  it("knows its markers as dbmate does, with words behind them", async () => {
    expect((await parse("SELECT 1;", " the first one")).up.blocks[0]?.transaction).toBe(true);
    expect((await parse("SELECT 1;", " foo:bar transaction:false")).up.blocks[0]?.transaction).toBe(false);
    expect((await parse("SELECT 1;\n-- migrate:downgrade\nSELECT 2;")).up.statements).toHaveLength(2);
  });

  it.each([
    ["CREATE INDEX CONCURRENTLY i ON a.t (x)", { scope: "table", on: "a.t", name: "i" }],
    ["REINDEX INDEX CONCURRENTLY a.i", { scope: "index", on: "a.i" }],
    ["REINDEX (VERBOSE, CONCURRENTLY) TABLE a.t", { scope: "table", on: "a.t" }],
    ["REINDEX SCHEMA CONCURRENTLY a", { scope: "schema", on: "a" }],
    ["REINDEX DATABASE CONCURRENTLY app", { scope: "database", on: "app" }],
    ["DROP INDEX CONCURRENTLY IF EXISTS a.i", { scope: "index", on: "a.i", name: "a.i", drops: true }],
    ["ALTER TABLE a.t DETACH PARTITION a.p CONCURRENTLY", undefined],
    ["REFRESH MATERIALIZED VIEW CONCURRENTLY a.m", undefined],
    ["VACUUM a.t", undefined],
  ])("waits for long, and knows the indexes that may be left invalid: %s", async (sql, indexes) => {
    const [statement] = await statements(`${sql};`, " transaction:false");
    expect(statement?.patient).toBe(true);
    expect(statement?.indexes).toEqual(indexes);
  });

  it.each(["REINDEX TABLE a.t", "DROP INDEX a.i", "VACUUM FULL a.t", "ALTER TABLE a.t ADD COLUMN x int"])(
    "gives way soon with what others queue behind: %s",
    async (sql) => {
      const [statement] = await statements(`${sql};`, " transaction:false");
      expect(statement?.patient).toBe(false);
    },
  );

  it("refuses what could not be cleared away, what would never run, and unknown options", async () => {
    await expect(parse("CREATE INDEX CONCURRENTLY ON a.t (x);", " transaction:false")).rejects.toThrow(
      /the index has no name/,
    );
    await expect(parse("SELECT 1;", " transaction:no")).rejects.toThrow(/unknown option "transaction:no"/);
    await expect(parseMigration("001_x.sql", "\nSELECT 1;\n-- migrate:up\nSELECT 2;")).rejects.toThrow(
      /001_x\.sql:2: a statement before "-- migrate:up" never runs/,
    );
    await expect(parseMigration("x.sql", "-- migrate:up\nSELECT 1;")).rejects.toThrow(
      /x\.sql: the name does not begin with a version in digits/,
    );
    const twice = { "0001_a.sql": "-- migrate:up\nSELECT 1;", "001_b.sql": "-- migrate:up\nSELECT 1;" };
    await expect(parseMigrations(twice)).rejects.toThrow(/same version/);
  });
});

describe("the plan", () => {
  const files = () =>
    parseMigrations({
      "001_a.sql": "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;",
      "010_b.sql": "-- migrate:up\nSELECT 2;",
      "0009_c.sql": "-- migrate:up transaction:false\nSELECT 3;\nSELECT 4;\n-- migrate:down\nSELECT 3;",
    });
  const row = (version: string, more: Partial<Applied> = {}): Applied => ({
    version,
    name: "",
    hash: "",
    statements: 1,
    finished: true,
    ...more,
  });
  const names = (list: { file: string }[]) => list.map(({ file }) => file);

  it("orders by number, and applies what is missing", async () => {
    const plan = planMigrations(await files(), [row("1")], undefined);
    expect(names(plan.up)).toEqual(["0009_c.sql", "010_b.sql"]);
    expect(names(planMigrations(await files(), [row("001"), row("9")], "1").down)).toEqual(["0009_c.sql"]);
    expect(Object.keys(wantedMigrations({ "001_a.sql": "", "010_b.sql": "" }, "9"))).toEqual(["001_a.sql"]);
  });

  it("says all that is in its way", async () => {
    const ledger = [row("001", { hash: "other", name: "a" }), row("002", { name: "lost" }), row("010")];
    const plan = async () => planMigrations(await files(), ledger, "1");
    await expect(plan()).rejects.toThrow(
      /001_a\.sql was applied and has been edited.*\n002_lost\.sql was applied and is missing.*\n010_b\.sql cannot be undone/,
    );
  });

  it("reads a down part only where it has to be run, and refuses an empty one beforehand", async () => {
    const down = (text: string) =>
      parseMigrations({
        "001_a.sql": "-- migrate:up\n-- migrate:down\nSELECT 1;",
        "002_b.sql": `-- migrate:up\nSELECT 1;\n-- migrate:down\n${text}`,
      });
    const plan = async (text: string, target?: string) =>
      planMigrations(await down(text), [row("001"), row("002")], target);
    for (const text of ["DROP TABEL x;", "\\i down.sql", "COMMIT;", "-- nothing"]) {
      expect(await plan(text)).toEqual({ up: [], down: [] });
    }
    await expect(plan("DROP TABEL x;", "1")).rejects.toThrow(
      /^002_b\.sql cannot be undone: 002_b\.sql:4: syntax error at or near "TABEL"$/,
    );
    await expect(plan("-- nothing", "1")).rejects.toThrow(/^002_b\.sql cannot be undone: it has nothing under/);
    expect(names((await plan("SELECT 1;", "1")).down)).toEqual(["002_b.sql"]);
  });

  it("lets the rest of a half-applied file be mended", async () => {
    const [a, c, b] = await files();
    const begun = row("9", { statements: 1, finished: false, hash: hashOfDone(c!.up, 1) });
    expect(names(planMigrations([a!, c!, b!], [row("1"), begun], undefined).up)).toEqual(["0009_c.sql", "010_b.sql"]);
    const edited = { ...begun, hash: "begun:other" };
    expect(() => planMigrations([a!, c!, b!], [row("1"), edited], undefined)).toThrow(/applied up to statement 1/);
  });
});
