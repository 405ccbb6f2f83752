import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Host } from "../../provider/host";
import { parseMigrations } from "../../provider/kinds/migrations/files/file";
import { runMigrations } from "../../provider/kinds/migrations/run/run";
import { withDatabase } from "../../provider/session";
import { readMigrations } from "../../sql/read";
import { InProcessStack } from "./in-process-stack";

const TABLES = `-- migrate:up
CREATE TABLE data.t (id int, note text);
INSERT INTO data.t SELECT n, 'semi;colon -- no comment' FROM generate_series(1, 20000) AS n;
CREATE FUNCTION data.f() RETURNS int LANGUAGE plpgsql AS $f$
BEGIN
  RETURN 1; -- one; statement
END $f$;

-- migrate:down
DROP FUNCTION data.f();
DROP TABLE data.t;
`;
const up = (sql: string, options = "") => `-- migrate:up${options}\n${sql}\n`;

describe("migrations of a database", () => {
  let stack: InProcessStack;
  let folder: string;
  beforeAll(async () => {
    stack = await InProcessStack.create({ roles: { owner: {} } });
    folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    write("001_tables.sql", TABLES);
    write(
      "002_more.sql",
      `${up("ALTER TABLE data.t ADD COLUMN more int;")}\n-- migrate:down\nALTER TABLE data.t DROP COLUMN more;\n`,
    );
    stack.configure((config) => {
      config.databases = { app: { owner: "owner", schemas: { data: {} }, migrations: { folder } } };
    });
  });
  afterAll(() => stack.dispose());

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const remove = (name: string) => rmSync(join(folder, name));
  const applied = () =>
    stack.sql(
      "app",
      "SELECT string_agg(version, ' ' ORDER BY version) FROM pgwright.migrations WHERE finished_at IS NOT NULL",
    );
  /** What a preview says of locks and losses. */
  const costsIn = (messages: string[]) =>
    messages.flatMap((each) => /^(?:warning: )?((?:(?:BRIEF )?LOCK|DATA LOSS): .*)/.exec(each)?.[1] ?? []);
  const quiet = async () => expect((await stack.preview()).changes.map(({ urn }) => urn)).toEqual([]);
  /** What Pulumi says of a preview that is refused. */
  const refusal = async () => {
    const { code, messages } = await stack.preview();
    expect(code).not.toBe(0);
    return messages.join("\n");
  };
  /** Applies the folder over a connection of its own, as an update does. */
  const run = async (said: string[] = []) => {
    const files = await parseMigrations(readMigrations(folder));
    const host = new Host(stack.container);
    await runMigrations(host, { database: "app", role: "owner" }, files, (text) => said.push(text));
  };

  it("are listed by a preview, applied once and in order, as the owner", async () => {
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(
      /will apply 001_tables.sql: 3 statements as owner[^]*will apply 002_more.sql: 1 statement as owner/,
    );
    expect(costsIn(messages)).toEqual([]); // there is no table yet
    await stack.up();
    expect(applied()).toBe("001 002");
    expect(stack.sql("app", "SELECT tableowner FROM pg_tables WHERE tablename = 't'")).toBe("owner");
    await quiet();
    write("001_tables.sql", TABLES.replaceAll("\n", "\r\n")); // line ends are no edit
    await quiet();
    write("001_tables.sql", TABLES);
  });

  it("say before what they lock and lose, with rows and sizes, and a preview changes nothing", async () => {
    stack.sql(
      "app",
      `ANALYZE data.t; CREATE TABLE data.filled AS SELECT 1 AS id FROM generate_series(1, 100); CREATE TABLE data.empty ();
      CREATE TABLE data.parts (id int) PARTITION BY RANGE (id); CREATE TABLE data.parts_1 PARTITION OF data.parts FOR VALUES FROM (1) TO (9);
      INSERT INTO data.parts VALUES (1), (2); ANALYZE data.filled, data.parts`,
    );
    write(
      "003_costs.sql",
      up(`ALTER TABLE data.t ADD COLUMN stamp uuid DEFAULT gen_random_uuid();
ALTER TABLE data.empty ADD COLUMN id int PRIMARY KEY;
CREATE TABLE data.fresh AS SELECT 1 AS id;
ALTER TABLE data.fresh ADD PRIMARY KEY (id);
DELETE FROM data.t WHERE id = 1;
DROP TABLE data.parts_1;
DELETE FROM data.filled;`),
    );
    write("004_costs.sql", up("CREATE INDEX t_note ON data.t (note);\nDROP SCHEMA data CASCADE;"));
    const size = (table: string) =>
      stack.sql("app", `SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) FROM pg_partition_tree('${table}')`);
    const t = stack.sql("app", "SELECT pg_size_pretty(pg_total_relation_size('data.t'))");
    const snapshot = () =>
      stack.sql(
        "app",
        "SELECT pg_current_xact_id_if_assigned() IS NULL, (SELECT count(*) FROM pg_class), (SELECT count(*) FROM data.filled)",
      );
    const before = snapshot();
    const all = costsIn((await stack.preview()).messages);
    expect(all.slice(0, -1)).toEqual([
      `LOCK: reads and writes of data.t in database app wait (${t}, about 20,000 rows): 003_costs.sql line 2 takes ACCESS EXCLUSIVE, and rewrites the table, and keeps the lock to the end of the file; instead: ADD COLUMN without the default, then SET DEFAULT, then an UPDATE with -- pgwright:batch`,
      `DATA LOSS: data.parts_1 in database app is dropped with about 2 rows (${size("data.parts_1")}): 003_costs.sql line 7`,
      `LOCK: reads and writes of data.parts in database app wait (${size("data.parts")}, about 2 rows): 003_costs.sql line 7 takes ACCESS EXCLUSIVE, and keeps the lock to the end of the file; instead: move the long statements to a file of their own`,
      "DATA LOSS: data.filled in database app is emptied of about 100 rows (8192 bytes), by a DELETE without WHERE: 003_costs.sql line 8",
      `LOCK: writes of data.t in database app wait (${t}, about 20,000 rows): 004_costs.sql line 2 takes SHARE, and builds an index; instead: CREATE INDEX CONCURRENTLY, with transaction:false`,
    ]);
    expect(all.at(-1)).toMatch(
      /^DATA LOSS: schema data in database app is dropped with 4 tables, about 20,102 rows \(.*\): 004_costs.sql line 3$/,
    );
    expect(snapshot()).toBe(before);

    // Whoever holds a table locked holds up no preview.
    const { code, messages } = await withDatabase(new Host(stack.container), "app", async (client) => {
      await client.query("BEGIN; LOCK TABLE data.t");
      const blind = await stack.preview();
      await client.query("ROLLBACK");
      return blind;
    });
    expect(code).toBe(0);
    expect(messages).toContain(
      "database app: sizes of tables are unknown, because the server is down or a session holds a lock on a table",
    );
    expect(messages.join("\n")).toContain(
      "reads and writes of data.t in database app wait: 003_costs.sql line 2 takes ACCESS EXCLUSIVE",
    );
    remove("003_costs.sql");
    remove("004_costs.sql");
    stack.sql("app", "DROP TABLE data.filled, data.empty, data.parts");
  });

  it("are read and written by dbmate too", async () => {
    const password = encodeURIComponent(await stack.output<string>("superuserPassword"));
    const url = `postgres://postgres:${password}@127.0.0.1:${stack.port}/app?sslmode=disable`;
    const options = [
      "--migrations-dir",
      folder,
      "--migrations-table",
      "pgwright.migrations",
      "--no-dump-schema",
      "--url",
      url,
    ];
    const dbmate = (...args: string[]) => execFileSync("npx", ["dbmate", ...options, ...args], { encoding: "utf8" });
    expect(dbmate("status")).toMatch(/\[X\] 001_tables.sql\n\[X\] 002_more.sql\n\nApplied: 2\nPending: 0/);
    write(
      "003_by_dbmate.sql",
      `${up("CREATE TABLE data.by_dbmate (id int);\n-- pgwright:batch rows=10\nUPDATE data.by_dbmate SET id = 1 WHERE id IS NULL;", " transaction:false")}\n-- migrate:down\nDROP TABLE data.by_dbmate;\n`,
    );
    dbmate("up");
    expect(stack.sql("app", "SELECT name, hash FROM pgwright.migrations WHERE version = '003'")).toBe("|");
    await quiet();
  });

  it("are refused by a preview when applied files were edited or are missing, or a new one is older", async () => {
    write("001_tables.sql", `${TABLES}-- edited\n`);
    expect(await refusal()).toContain("001_tables.sql was applied and has been edited since");
    remove("001_tables.sql");
    expect(await refusal()).toContain("001_tables.sql was applied and is missing");
    write("001_tables.sql", TABLES);
    write("0000_older.sql", up("SELECT 1;"));
    expect(await refusal()).toContain("0000_older.sql is older than 3, which was applied");
    remove("0000_older.sql");
    write("004_wrong.sql", up("SELECT 1;\n/* ü😀 */ CREATE TABEL x ();"));
    const wrong = await refusal();
    expect(wrong).toMatch(/004_wrong\.sql:3: syntax error at or near "TABEL"/);
    // The text of a file may hold a secret, and a report goes into the comment of a pull request.
    expect(wrong).not.toContain("migrate:up");
    remove("004_wrong.sql");
    await quiet();
  });

  it("leave the database as it was when a statement fails, and name file, line and SQLSTATE", async () => {
    write(
      "004_fails.sql",
      up("CREATE TABLE data.half (id int);\nINSERT INTO data.half\n  SELECT '😀'::text,\n    nowhere;"),
    );
    const failed = await stack.tryUp();
    expect(failed.code).not.toBe(0);
    expect(failed.text).toMatch(/004_fails\.sql:5: column "nowhere" does not exist \(SQLSTATE 42703\)/);
    expect(stack.sql("app", "SELECT to_regclass('data.half') IS NULL")).toBe("t");
    expect(applied()).toBe("001 002 003");
    remove("004_fails.sql");
  });

  it("leave no invalid index behind: not one that fails, and not one that is killed", async () => {
    stack.sql("app", "INSERT INTO data.t VALUES (1)");
    write("004_index.sql", up("CREATE UNIQUE INDEX CONCURRENTLY t_id ON data.t (id);", " transaction:false"));
    await expect(run()).rejects.toThrow(/004_index\.sql:2: could not create unique index.*\(SQLSTATE 23505\)/);
    const indexes = () =>
      stack.sql(
        "app",
        "SELECT string_agg(indexrelid::regclass || ' ' || indisvalid, ',') FROM pg_index WHERE indrelid = 'data.t'::regclass",
      );
    expect(indexes()).toBe("");
    expect(stack.sql("app", "SELECT count(*) FROM pgwright.migrations WHERE version = '004'")).toBe("0");
    stack.sql("app", "DELETE FROM data.t WHERE note IS NULL");

    // An older transaction holds the index up; then the applier is killed.
    const holder = withDatabase(new Host(stack.container), "app", async (client) => {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM data.t; SET lock_timeout = 0");
      await sleep(7000);
      await client.query("COMMIT");
    });
    await sleep(1500);
    const killed = run().catch((error: Error) => error);
    await sleep(2500);
    stack.sql(
      "app",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE UNIQUE INDEX CONCURRENTLY%'",
    );
    expect(String(await killed)).toMatch(/004_index\.sql:2: .*terminat/);
    expect(indexes()).toBe("data.t_id false");
    await holder;
    const said: string[] = [];
    await run(said);
    expect(said[0]).toBe("dropping invalid index data.t_id");
    expect(indexes()).toBe("data.t_id true");
    await stack.up();
    await quiet();
  });

  it("go on where they were interrupted, and may be mended there", async () => {
    const first = "CREATE TABLE data.first (id int);";
    write("005_steps.sql", up(`${first}\nSELECT 1 / 0;`, " transaction:false"));
    await expect(run()).rejects.toThrow(/005_steps\.sql:3: division by zero.*statements 1 to 1 of 2 are committed/s);
    write("005_steps.sql", up(`${first.replace("first", "other")}\nSELECT 1;`, " transaction:false"));
    await expect(run()).rejects.toThrow(/the applied statements were edited since/);
    write("005_steps.sql", up(`${first}\nSELECT 1;`, " transaction:false"));
    expect((await stack.preview()).messages.join()).toContain(
      "will apply 005_steps.sql: 2 statements as owner, each committed separately, from statement 2 on",
    );
    await stack.up();
    await quiet();
  });

  it("wait for another applier, and for a lock, without queueing for it", async () => {
    write(
      "006_lock.sql",
      `${up("ALTER TABLE data.t ADD COLUMN locked int;")}\n-- migrate:down\nALTER TABLE data.t DROP COLUMN locked;\n`,
    );
    const holder = withDatabase(new Host(stack.container), "app", async (client) => {
      await client.query("BEGIN; LOCK TABLE data.t IN ACCESS SHARE MODE");
      await sleep(5000);
      await client.query("COMMIT");
    });
    await sleep(500);
    const [one, two]: [string[], string[]] = [[], []];
    await Promise.all([run(one), run(two), holder]);
    const said = [...one, ...two].join("\n");
    expect(said).toContain("006_lock.sql waits for a lock that another session holds (try 1 of 10)");
    expect(said).toContain("waiting for another session that applies migrations to this database");
    expect(said.match(/applied 006_lock\.sql/g)).toHaveLength(1);
  });

  it("are undone down to a target, and applied again", async () => {
    for (const file of ["004_index.sql", "005_steps.sql"]) expect(readMigrations(folder)[file]).toBeDefined();
    const migrations = stack.config.databases?.app?.migrations as { target?: string };
    stack.configure(() => (migrations.target = "005"));
    const { messages } = await stack.preview();
    expect(messages.join()).toContain("will undo 006_lock.sql: 1 statement as owner");
    expect(costsIn(messages).map((each) => each.replace(/\([^)]*\)/, "(...)"))).toEqual([
      "BRIEF LOCK: reads and writes of data.t in database app wait (...): 006_lock.sql line 5 takes ACCESS EXCLUSIVE for a moment",
      "DATA LOSS: column locked of data.t in database app is dropped, with the values of about 20,000 rows (...): 006_lock.sql line 5",
    ]);
    await stack.up();
    expect(applied()).toBe("001 002 003 004 005");
    await quiet();
    stack.configure(() => (migrations.target = "001"));
    expect(await refusal()).toContain('005_steps.sql cannot be undone: it has nothing under "-- migrate:down"');
    stack.configure(() => delete migrations.target);
    await stack.up();
    expect(applied()).toBe("001 002 003 004 005 006");
    expect(stack.sql("app", "SELECT count(*) FROM data.t")).toBe("20000");
  });

  it("take names without a schema by the search path, and files as dbmate takes them", async () => {
    write("007 plain.sql", up("ALTER TABLE t ADD COLUMN plain int;\nCREATE TABLE plain (id int);"));
    await expect(run()).rejects.toThrow(
      /007 plain\.sql:2: relation "t" does not exist \(SQLSTATE 42P01\)\n {2}.*declare migrations\.searchPath/,
    );
    write("007 plain.sql", up("CREATE TABLE plain (id int);\nALTER TABLE t ADD COLUMN plain int;"));
    await expect(run()).rejects.toThrow(
      /007 plain\.sql:2: no schema has been selected to create in \(SQLSTATE 3F000\)\n {2}.*declare migrations\.searchPath/,
    );
    write(
      "008-parts.v2.sql",
      `${up("INSERT INTO plain VALUES (1);")}-- migrate:down\nDROP TABEL nowhere;
${up("CREATE INDEX CONCURRENTLY plain_id ON plain (id);\nSELECT 1 / 0;", " transaction:false")}`,
    );
    write("009.sql", "-- migrate:up\n-- migrate:down\nSELECT 1;\n");
    const migrations = stack.config.databases?.app?.migrations as { target?: string; searchPath?: string[] };
    stack.configure(() => (migrations.searchPath = ["data", "public"]));
    const said = (await stack.preview()).messages.join("\n");
    expect(said).toContain("will apply 008-parts.v2.sql: 3 statements as owner, in 2 parts");
    expect(said).toMatch(/BRIEF LOCK: reads and writes of data\.t in database app wait .*007 plain\.sql line 3/);
    expect((await stack.tryUp()).text).toMatch(
      /008-parts\.v2\.sql:7: division by zero[^]*statements 1 to 2 of 3 are committed/,
    );
    expect(stack.sql("app", "SELECT count(*) FROM data.plain")).toBe("1");
    write("008-parts.v2.sql", readMigrations(folder)["008-parts.v2.sql"]!.replace("1 / 0", "1"));
    await stack.up();
    expect(applied()).toBe("001 002 003 004 005 006 007 008 009");
    expect(
      stack.sql(
        "app",
        "SELECT count(*), (SELECT indisvalid FROM pg_index WHERE indexrelid = 'data.plain_id'::regclass) FROM data.plain",
      ),
    ).toBe("1|t");
    await quiet();
    stack.configure(() => (migrations.target = "007"));
    expect(await refusal()).toMatch(/008-parts\.v2\.sql cannot be undone: 008-parts\.v2\.sql:4: syntax error/);
    stack.configure(() => delete migrations.target);
    await quiet();
  });

  it("wait with REINDEX CONCURRENTLY for older transactions, and leave nothing behind", async () => {
    const older = withDatabase(new Host(stack.container), "app", async (client) => {
      await client.query("BEGIN; SELECT count(*) FROM data.t");
      await sleep(3000);
      await client.query("COMMIT");
    });
    await sleep(500);
    const said: string[] = [];
    write("010_again.sql", up("REINDEX TABLE CONCURRENTLY data.t;", " transaction:false"));
    await run(said);
    await older;
    expect(said.join()).not.toMatch(/waits for a lock|dropping/);
    expect(
      stack.sql("app", "SELECT count(*) FROM pg_index WHERE indrelid = 'data.t'::regclass AND NOT indisvalid"),
    ).toBe("0");
    await stack.up();
    await quiet();
  });

  it("that another tool has applied count as applied, or a baseline has to be declared", async () => {
    const taken = join(stack.folder, "taken");
    mkdirSync(taken);
    const price = (file: string, text: string) => writeFileSync(join(taken, file), text);
    price(
      "0001_price.sql",
      `${up("CREATE TABLE data.price (cents int); INSERT INTO data.price VALUES (7);")}-- migrate:down\n`,
    );
    price("0002-cents.sql", `${up("UPDATE data.price SET cents = cents * 100;")}-- migrate:down\n`);
    const databases = stack.config.databases as Record<string, { migrations?: object }>;
    stack.configure((config) => {
      config.databases!.taken = { owner: "owner", schemas: { data: {} } };
    });
    await stack.up();
    const password = encodeURIComponent(await stack.output<string>("superuserPassword"));
    const url = `postgres://postgres:${password}@127.0.0.1:${stack.port}/taken?sslmode=disable`;
    const table = ["--migrations-table", "data.applied", "--migrations-dir", taken, "--no-dump-schema"];
    execFileSync("npx", ["dbmate", "--url", url, ...table, "up"]);
    const sql = (text: string) => stack.sql("taken", text);
    expect(sql("SELECT cents FROM data.price")).toBe("700");
    // What only looks like a ledger is not read: its owner's code would run.
    sql(`ALTER TABLE data.price OWNER TO owner; CREATE TABLE data.ran (); CREATE FUNCTION data.evil() RETURNS text LANGUAGE plpgsql AS
         $$ BEGIN INSERT INTO data.ran DEFAULT VALUES; RETURN '0003'; END $$;
         CREATE VIEW data.schema_migrations AS SELECT data.evil()::varchar AS version`);

    price("0003_more.sql", up("ALTER TABLE data.price ADD COLUMN more int;"));
    stack.configure(() => (databases.taken!.migrations = { folder: taken }));
    const said = (await stack.preview()).messages.join("\n");
    expect(said).toContain(
      "data.applied of database taken is dbmate's ledger: 2 versions from 0001 to 0002 count as applied",
    );
    expect(said).toContain("will apply 0003_more.sql");
    expect(said).not.toContain("will apply 0002");
    // Planning a query of a table runs the predicates of its indexes, and the ledger may be another role's.
    sql(`CREATE FUNCTION data.yes(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
         CREATE INDEX code ON data.applied (version) WHERE data.yes(version)`);
    expect(await refusal()).toMatch(
      /data"?\."?applied"? is not read as superuser: it has indexes or statistics on expressions/,
    );
    sql("DROP INDEX data.code");
    await stack.up();
    expect(sql("SELECT cents, more IS NULL FROM data.price")).toBe("700|t");
    expect(
      sql("SELECT string_agg(version || name || (hash <> ''), ' ' ORDER BY version) FROM pgwright.migrations"),
    ).toBe("0001pricetrue 00020002-cents.sqltrue 0003moretrue");
    await quiet();

    const flyway = "installed_rank int, version text, script text, checksum int, success bool, description text";
    sql(
      `DELETE FROM pgwright.migrations; CREATE TABLE data.flyway_schema_history (${flyway}); DROP TABLE data.applied`,
    );
    expect(await refusal()).toContain(
      "database taken: another tool has applied migrations, according to data.flyway_schema_history (Flyway); declare migrations.baseline",
    );
    const failed = await stack.tryUp();
    expect(failed.code).not.toBe(0);
    stack.configure(() => (databases.taken!.migrations = { folder: taken, baseline: "4" }));
    expect(await refusal()).toContain(
      'baseline: "4" is not a version in the folder; write one of 0001, 0002, 0003, or "0" for none',
    );
    stack.configure(() => (databases.taken!.migrations = { folder: taken, baseline: "0003" }));
    expect((await stack.preview()).messages).toContain(
      "migrations.baseline is 0003: 3 versions from 0001 to 0003 count as applied in database taken",
    );
    await stack.up();
    await quiet();
    expect(sql("SELECT cents FROM data.price")).toBe("700");
    expect(sql("SELECT count(*) FROM data.ran")).toBe("0");
  });
});
