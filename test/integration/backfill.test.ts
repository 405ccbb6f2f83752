import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../provider/connection";
import { Host } from "../../provider/host";
import { parseMigrations, type MigrationFile } from "../../provider/kinds/migrations/files/file";
import { batchStatement, type Batch } from "../../provider/kinds/migrations/statements/batches";
import { runMigrations } from "../../provider/kinds/migrations/run/run";
import { InProcessStack } from "./in-process-stack";

const ROWS = 50_000;

describe("statements in batches", () => {
  let stack: InProcessStack;
  let host: Host;
  let version = 100;
  /** Files that were applied. */
  const files: Record<string, string> = {};
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: {} },
      databases: { app: { owner: "owner", schemas: { w: {} } } },
    });
    await stack.up();
    host = new Host(stack.container);
  });
  afterAll(() => stack.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const within = async <T>(use: (client: Client) => Promise<T>): Promise<T> => {
    const client = await connect(host, "app");
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  };
  /** Applies a file that has this statement, after all that were applied before, as an update does. What it says. */
  const apply = async (text: string, options = "", said: string[] = [], name = `${(version += 1)}_x.sql`) => {
    files[name] = `-- migrate:up transaction:false\n-- pgwright:batch ${options}\n${text};\n`;
    try {
      const parsed = await parseMigrations(files);
      await runMigrations(host, { database: "app", role: "owner" }, parsed, (each) => said.push(each));
    } catch (error) {
      delete files[name];
      throw error;
    }
    return said;
  };
  /** A table of rows, with x to be filled. */
  const table = (name: string, rows = ROWS, more = "") =>
    sql(
      `DROP TABLE IF EXISTS w.${name}; CREATE TABLE w.${name} (id int PRIMARY KEY, x text, n int NOT NULL DEFAULT 0) ${more};
       INSERT INTO w.${name} SELECT generate_series(1, ${rows}); ALTER TABLE w.${name} OWNER TO owner; ANALYZE w.${name}`,
    );
  const left = (name: string) => Number(sql(`SELECT count(*) FROM w.${name} WHERE x IS NULL`));
  const batchIn = async (text: string) => {
    const [file] = await parseMigrations({
      "001_x.sql": `-- migrate:up transaction:false\n-- pgwright:batch\n${text}`,
    });
    return (file as MigrationFile).up.statements[0]?.batch as Batch;
  };
  const plan = async (text: string) => sql(`EXPLAIN ${batchStatement(await batchIn(text), 2, 9)}`);

  it("read a range of blocks of a table, and of each partition", async () => {
    table("t");
    table("u");
    sql(`CREATE TABLE w.parts (id int, x text) PARTITION BY RANGE (id);
      CREATE TABLE w.parts_1 PARTITION OF w.parts FOR VALUES FROM (0) TO (30000);
      CREATE TABLE w.parts_2 PARTITION OF w.parts FOR VALUES FROM (30000) TO (40000);
      CREATE TABLE w.parts_3 PARTITION OF w.parts FOR VALUES FROM (40000) TO (900000);
      INSERT INTO w.parts SELECT generate_series(1, 50000); ALTER TABLE w.parts OWNER TO owner;
      ALTER TABLE w.parts_1 OWNER TO owner; ALTER TABLE w.parts_2 OWNER TO owner; ALTER TABLE w.parts_3 OWNER TO owner;
      ANALYZE w.parts`);
    for (const text of [
      "UPDATE w.t SET x = id WHERE x IS NULL",
      'UPDATE ONLY w.t AS "a b" SET x = (SELECT max(id) FROM w.u WHERE u.id < "a b".n) WHERE x IS NULL OR n > 7',
      "UPDATE w.t SET x = u.id FROM w.u WHERE u.id = t.id AND t.x IS NULL",
      "DELETE FROM w.t USING w.u WHERE u.id = t.id AND u.x IS NULL",
    ]) {
      const found = await plan(text);
      expect(found.match(/Tid Range Scan on t/g), found).toHaveLength(1);
      expect(found).toMatch(/TID Cond: .*ctid >= '\(2,0\)'::tid\) AND \(.*ctid < '\(9,0\)'::tid/);
      expect(found).not.toMatch(/Seq Scan on t/);
    }
    const all = await plan("UPDATE w.parts SET x = id WHERE x IS NULL");
    expect(all.match(/Tid Range Scan on parts_[123]/g), all).toHaveLength(3);
    expect(all).not.toMatch(/Seq Scan/);
    const one = await plan("DELETE FROM w.parts WHERE id < 1000");
    expect(one.match(/Tid Range Scan on parts_\d/g)).toEqual(["Tid Range Scan on parts_1"]);
  });

  it("change all rows in short transactions, as the migrations' role", async () => {
    table("t");
    const said = await apply("UPDATE w.t SET x = current_user WHERE x IS NULL", "rows=2000");
    expect(sql("SELECT x, count(*) FROM w.t GROUP BY x")).toBe(`owner|${ROWS}`);
    const [pieces, most] = sql(
      "SELECT count(*), max(n) FROM (SELECT xmin::text, count(*) AS n FROM w.t GROUP BY 1) AS piece",
    ).split("|");
    expect(Number(pieces)).toBeGreaterThanOrEqual(ROWS / 2000);
    expect(Number(most)).toBeLessThanOrEqual(2000);
    expect(said[0]).toMatch(/^101_x.sql line 3 has changed 50,000 rows of w.t in batches, in [\d.]+ s$/);
    expect(sql("SELECT count(*) FROM pgwright.migrations WHERE batch IS NOT NULL")).toBe("0");
  });

  it("let rows move between partitions, delete by other tables, and leave children alone with ONLY", async () => {
    await apply("UPDATE w.parts SET x = id, id = id + 100000 WHERE x IS NULL", "rows=1000");
    expect(sql("SELECT count(*), count(x), min(id), count(DISTINCT tableoid) FROM w.parts")).toBe(
      "50000|50000|100001|1",
    );
    expect(sql("SELECT count(*) FROM w.parts WHERE id <> x::int + 100000")).toBe("0");
    table("t");
    table("u", 1000);
    sql(
      "CREATE TABLE w.child () INHERITS (w.t); INSERT INTO w.child SELECT generate_series(1, 9); ALTER TABLE w.child OWNER TO owner",
    );
    await apply('DELETE FROM ONLY w.t AS "T" USING w.u WHERE u.id = "T".id', "rows=500");
    expect(sql("SELECT (SELECT count(*) FROM ONLY w.t), (SELECT count(*) FROM w.child)")).toBe("49000|9");
    await apply("DELETE FROM w.t WHERE id < 5000", "rows=500");
    expect(sql("SELECT (SELECT min(id) FROM ONLY w.t), (SELECT count(*) FROM w.child)")).toBe("5000|0");
    sql("DROP TABLE w.child");
  });

  /** Waits until the newest file has changed this many rows. */
  const progress = async (rows: number) => {
    const name = version;
    while (
      Number(
        sql(`SELECT coalesce(max((batch ->> 'rows')::int), 0) FROM pgwright.migrations WHERE version = '${name}'`),
      ) < rows
    )
      await sleep(100);
  };
  /** Ends the session of a run once this many rows are done. */
  const killed = async (rows: number) => {
    await progress(rows);
    sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgwright' AND query LIKE '%done%' AND pid <> pg_backend_pid()",
    );
    sql(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()",
    );
  };

  it("go on where they were killed, and begin anew if they were edited", async () => {
    table("t");
    sql(`CREATE TABLE w.seen (at serial, n bigint); ALTER TABLE w.seen OWNER TO owner;
      CREATE FUNCTION w.see() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO w.seen (n) SELECT count(*) FROM changed; RETURN NULL; END';
      CREATE TRIGGER see AFTER UPDATE ON w.t REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION w.see()`);
    const fill = "UPDATE w.t SET x = 'a' WHERE x IS NULL";
    const name = `${(version += 1)}_x.sql`;
    const running = apply(fill, "rows=400 pause=50ms", [], name).catch((error: Error) => error);
    await killed(15_000);
    expect(String(await running)).toMatch(/_x\.sql:3: .*(terminat|closed|connection)/);
    const done = ROWS - left("t");
    expect(done).toBeGreaterThan(15_000);
    expect(done).toBeLessThan(ROWS);
    sql("TRUNCATE w.seen");
    const said = await apply(fill, "rows=400", [], name);
    expect(said[0]).toMatch(/^\d+_x\.sql line 3 continues at block \d+: [\d,]+ rows of w\.t are done$/);
    expect(left("t")).toBe(0);
    // From the beginning, the same statements would have found nothing to do many times.
    const idle = Number(
      sql("SELECT count(*) FROM w.seen WHERE n = 0 AND at < (SELECT min(at) FROM w.seen WHERE n > 0)"),
    );
    expect(idle).toBeLessThan(3);
    expect(said.at(-2)).toContain("has changed 50,000 rows");

    table("t");
    const next = `${(version += 1)}_x.sql`;
    const again = apply(fill, "rows=400 pause=50ms", [], next).catch((error: Error) => error);
    await killed(5000);
    await again;
    sql("UPDATE w.t SET x = NULL WHERE id < 100");
    const edited = await apply("UPDATE w.t SET x = 'b' WHERE x IS NULL", "rows=400", [], next);
    expect(edited.join("\n")).not.toContain("continues at");
    expect(left("t")).toBe(0);
  });

  it("go on where the whole `up` was killed", async () => {
    table("t");
    sql(
      "CREATE TRIGGER see AFTER UPDATE ON w.t REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION w.see()",
    );
    const folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    const name = `${(version += 1)}_x.sql`;
    const write = (options: string) => {
      files[name] =
        `-- migrate:up transaction:false\nSELECT 1;\n-- pgwright:batch ${options}\nUPDATE w.t SET x = 'a' WHERE x IS NULL;\n`;
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    };
    write("rows=200 pause=300ms");
    sql("TRUNCATE w.seen");
    stack.configure(({ databases }) => Object.assign(databases?.app ?? {}, { migrations: { folder } }));
    await stack.handOver("up");
    const child = stack.start("up", "--yes", "--skip-preview", "--stack", stack.name);
    await progress(2000);
    process.kill(-(child.pid as number), "SIGKILL"); // with its plugins
    write("rows=2000");
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(/from statement 2 on, which has changed [\d,]+ rows already/);
    const { code, text } = await stack.cli("up");
    expect(code, text).toBe(0);
    expect(text).toMatch(new RegExp(`${name} line 4 continues at block \\d+: [\\d,]+ rows of w.t are done`));
    expect(text).toMatch(new RegExp(`${name} line 4 has changed 50,000 rows of w.t in batches`));
    // Each row once; and from the beginning, the same statement would have found nothing to do in between.
    expect(sql("SELECT sum(n) FROM w.seen")).toBe(`${ROWS}`);
    expect(sql("SELECT count(*) FROM w.seen WHERE n = 0 AND at < (SELECT max(at) FROM w.seen WHERE n > 0)")).toBe("0");
    expect(left("t")).toBe(0);
    stack.configure(({ databases }) => delete databases?.app?.migrations);
  });

  it("miss no row that others move to where it was done already", async () => {
    table("t", 20_000);
    // Blocks with room at the beginning: there rows go that are updated at the end.
    sql("DELETE FROM w.t WHERE id <= 5000");
    sql("VACUUM w.t");
    let moving = true;
    let moved = 0;
    const mover = within(async (client) => {
      while (moving) {
        const { rowCount } = await client.query(
          "UPDATE w.t SET n = n + 1 WHERE ctid IN (SELECT ctid FROM w.t WHERE x IS NULL ORDER BY ctid DESC LIMIT 100)",
        );
        moved += rowCount ?? 0;
        await sleep(5);
      }
    });
    const said = await apply("UPDATE w.t SET x = 'a' WHERE x IS NULL", "rows=300 pause=20ms").finally(async () => {
      moving = false;
      await mover;
    });
    expect(left("t")).toBe(0);
    expect(moved).toBeGreaterThan(1000);
    expect(said.join("\n")).toMatch(/has changed 15,000 rows of w.t in batches, in \d+ passes and/);
  });

  it("wait for a locked row without holding up others, and go on", async () => {
    table("t", 5000);
    const holder = within(async (client) => {
      await client.query("BEGIN; UPDATE w.t SET n = 1 WHERE id = 4000");
      await sleep(3000);
      await client.query("COMMIT");
    });
    await sleep(300);
    const said: string[] = [];
    const run = apply("UPDATE w.t SET x = 'a' WHERE x IS NULL", "", said);
    let longest = 0;
    await within(async (client) => {
      for (const end = Date.now() + 3000; Date.now() < end; await sleep(20)) {
        const began = Date.now();
        await client.query("UPDATE w.t SET n = n + 1 WHERE id BETWEEN 3500 AND 3990");
        longest = Math.max(longest, Date.now() - began);
      }
    });
    await holder;
    await run;
    expect(said.join("\n")).toMatch(/_x.sql waits for a lock that another session holds \(try 1 of 10\)/);
    expect(left("t")).toBe(0);
    expect(longest).toBeLessThan(1500);
  });

  it("fail when their condition stays true, and change nothing then", async () => {
    table("t", 5000);
    await expect(apply("UPDATE w.t SET n = n + 1\nWHERE x IS NULL")).rejects.toThrow(
      /_x\.sql:3: \d+ of \d+ rows still meet the condition after the UPDATE; a statement in batches has to make its condition false/,
    );
    expect(sql("SELECT count(*) FROM w.t WHERE n > 0")).toBe("0");
    expect(sql(`SELECT count(*) FROM pgwright.migrations WHERE version = '${version}'`)).toBe("0");
    // Others who always leave something to do.
    table("t", 10);
    sql(`CREATE FUNCTION w.more() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO w.t SELECT max(id) + 1 FROM w.t; RETURN NULL; END';
      CREATE TRIGGER more AFTER UPDATE ON w.t FOR EACH STATEMENT EXECUTE FUNCTION w.more()`);
    await expect(apply("UPDATE w.t SET x = 'a' WHERE x IS NULL")).rejects.toThrow(
      /_x\.sql:3: after 10 passes there are still rows to change, because other sessions write such rows/,
    );
    expect(sql(`SELECT statements, batch -> 'rows' FROM pgwright.migrations WHERE version = '${version}'`)).toMatch(
      /^0\|\d+$/,
    );
    sql(`DELETE FROM pgwright.migrations WHERE version = '${version}'`);
  });

  it("tell errors at their place, and refuse what is no table", async () => {
    table("t", 10);
    await expect(apply("UPDATE w.t\nSET x = 'ü' /* 😀 */,\n  y = 1 WHERE x IS NULL")).rejects.toThrow(
      /_x\.sql:5: column "y" of relation "t" does not exist \(SQLSTATE 42703\)/,
    );
    await expect(apply("UPDATE w.t SET x = 'ü'\nWHERE x IS NULL\n  AND nowhere")).rejects.toThrow(
      /_x\.sql:5: column "nowhere" does not exist/,
    );
    sql("CREATE VIEW w.v AS SELECT * FROM w.t");
    await expect(apply("UPDATE w.v SET x = 1 WHERE x IS NULL")).rejects.toThrow(
      /_x\.sql:3: pgwright:batch works on tables and partitioned tables; w\.v is neither/,
    );
    await expect(apply("UPDATE w.absent SET x = 1 WHERE x IS NULL")).rejects.toThrow(
      /_x\.sql:3: relation "w.absent" does not exist/,
    );
  });
});
