import { describe, expect, it } from "vitest";
import { hashOfDone, parseMigration, parseMigrations, wantedMigrations } from "../../provider/kinds/migrations/file";
import type { Applied } from "../../provider/kinds/migrations/ledger";
import { planMigrations } from "../../provider/kinds/migrations/plan";

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
    ["SELECT 1;\nCOMMIT;", /001_x\.sql:3: transactions begin and end with the file/],
    [
      "CREATE INDEX CONCURRENTLY i ON a.t (x);",
      /001_x\.sql:2: CREATE INDEX CONCURRENTLY cannot run inside a transaction/,
    ],
    ["ALTER TABLE a.t DETACH PARTITION a.p CONCURRENTLY;", /DETACH PARTITION CONCURRENTLY cannot/],
    ["VACUUM t;", /VACUUM cannot run inside/],
    ["", /there is nothing to do/],
    ["SELECT 1;\n-- migrate:up\nSELECT 2;", /more than one/],
  ])("refuses %j", async (body, problem) => {
    await expect(parse(body)).rejects.toThrow(problem);
  });

  it("refuses what could not be cleared away, what would never run, and unknown options", async () => {
    await expect(parse("CREATE INDEX CONCURRENTLY ON a.t (x);", " transaction:false")).rejects.toThrow(
      /name the index/,
    );
    await expect(parse("SELECT 1;", " transaction:no")).rejects.toThrow(/unknown option "transaction:no"/);
    await expect(parseMigration("001_x.sql", "\nSELECT 1;\n-- migrate:up\nSELECT 2;")).rejects.toThrow(
      /001_x\.sql:2: what stands before/,
    );
    await expect(parseMigration("x.sql", "-- migrate:up\nSELECT 1;")).rejects.toThrow(/named VERSION_NAME.sql/);
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

  it("lets the rest of a half-applied file be mended", async () => {
    const [a, c, b] = await files();
    const begun = row("9", { statements: 1, finished: false, hash: hashOfDone(c!.up, 1) });
    expect(names(planMigrations([a!, c!, b!], [row("1"), begun], undefined).up)).toEqual(["0009_c.sql", "010_b.sql"]);
    const edited = { ...begun, hash: "begun:other" };
    expect(() => planMigrations([a!, c!, b!], [row("1"), edited], undefined)).toThrow(/applied up to statement 1/);
  });
});
