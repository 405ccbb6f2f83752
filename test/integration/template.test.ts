import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StackInput } from "../../config/stack";
import { eventually } from "./eventually";
import { docker } from "./stack";
import { InProcessStack } from "./in-process-stack";
import { MIGRATIONS } from "./partitions/keeper-stack";

type DatabaseInput = NonNullable<StackInput["databases"]>[string];

const shop: DatabaseInput = {
  owner: "owner",
  schemas: { data: {}, archive: {}, extensions: {} },
  extensions: { vector: { schema: "extensions" } },
  migrations: MIGRATIONS,
  grants: { keeper: { database: ["CONNECT"] }, app: { database: ["CONNECT"] } },
  partitions: {
    role: "keeper",
    schedule: "0 4 1 1 *",
    sets: {
      "data.events": { interval: "1 month", premake: 2, start: "2026-01-15" },
      "data.tenants": { kind: "list", values: { eu: ["de", "fr"], us: ["us"] } },
    },
  },
  tiers: {
    "data.seen": {
      owner: "keeper",
      columns: [
        { name: "id", type: "bigint" },
        { name: "at", type: "timestamptz" },
      ],
      id: "id",
      time: "at",
      sortKey: { columns: ["at"] },
    },
  },
};

describe("a database that is made as a copy", () => {
  let stack: InProcessStack;
  let mask: (name: string, text: string) => string;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: {},
      server: { settings: { max_prepared_transactions: 2 } },
      passwords: { app: "password of app" },
      roles: {
        owner: {},
        other: {},
        app: { login: true },
        keeper: { login: true, password: false, memberOf: ["owner"] },
      },
      databases: { copy: { ...structuredClone(shop), copyOf: { database: "shop" } }, shop: structuredClone(shop) },
    });
    mask = (name, text) => {
      const file = join(stack.folder, name);
      writeFileSync(file, text);
      return file;
    };
  });
  afterAll(() => stack.dispose());

  const databases = () => stack.config.databases as Record<string, DatabaseInput>;
  const names = () =>
    stack.sql("postgres", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE NOT datistemplate");
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };
  /** To the backup that is being made. */
  const signal = (name: string) =>
    docker(
      "exec",
      `${stack.container}-agent`,
      "bash",
      "-c",
      `kill -${name} $(grep -lx pgbackrest /proc/[0-9]*/comm | cut -d/ -f3)`,
    );
  const jobs = () =>
    stack
      .sql("postgres", "SELECT jobname, database FROM cron.job WHERE database <> 'postgres' ORDER BY 1, 2")
      .split("\n");

  it("of a database of the stack is made after that and with all that is in it, and needs nothing more", async () => {
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toContain("COPY of database shop, after this update has created it");
    // Those of the source come along.
    expect(messages.filter((each) => each.includes("will apply"))).toHaveLength(1);
    const text = await stack.up();
    expect(text).toMatch(/copied from shop, \d+ [kM]B, in [\d.]+ s/);
    const ledger = ["copy", "shop"].map((each) =>
      stack.sql(each, "SELECT version, finished_at FROM pgwright.migrations"),
    );
    expect(ledger[0]).toBe(ledger[1]);
    await quiet();
    for (const each of ["copy", "shop"]) {
      expect(jobs()).toContain(`pgwright: partitions of ${each}|${each}`);
      expect(jobs().filter((job) => job.endsWith(`|${each}`))).toHaveLength(1 + 4);
    }
    expect(await stack.up()).not.toMatch(/copied from/);
  });

  it("maintains its own partitions", () => {
    const count = (database: string) =>
      Number(stack.sql(database, "SELECT count(*) FROM pg_partition_tree('data.events')"));
    const before = count("shop");
    stack.sql("copy", "CALL pgwright.maintain_partitions(now() + interval '2 months')");
    expect([count("copy"), count("shop")]).toEqual([before + 2, before]);
    expect(stack.sql("copy", "SELECT bool_or(last_error IS NOT NULL) FROM pgwright.partition_health")).toBe("f");
  });

  it("is not made while somebody is connected to the source, who is named", async () => {
    stack.sql(
      "shop",
      `SET ROLE owner;
       CREATE TABLE data.customers AS SELECT n, 'name ' || n AS name FROM generate_series(1, 5000) AS n;
       GRANT SELECT ON data.customers TO app;
       INSERT INTO data.events (at, tenant) SELECT '2026-02-01', n FROM generate_series(1, 500) AS n`,
    );
    const file = mask(
      "mask.sql",
      "-- names\nUPDATE data.customers SET name = 'nobody';\n\nVACUUM FULL data.customers;\n",
    );
    databases().masked = {
      owner: "other",
      connectionLimit: 7,
      copyOf: { database: "shop", run: [file] },
      grants: { app: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE"] } } } },
      schemas: shop.schemas!,
      extensions: shop.extensions!,
    };
    stack.configure(() => undefined);
    const client = await stack.connect("app", "password of app", "shop");
    await client.query("SET application_name = 'a pool'");
    stack.sql("shop", "BEGIN; UPDATE data.customers SET n = n WHERE n = 1; PREPARE TRANSACTION 'left over'");
    const { messages, changes } = await stack.preview();
    const said = messages.join("\n");
    expect(said).toMatch(
      /COPY of database shop, \d+ [kM]B, by wal_log \(up to as much WAL\); before other roles can connect, the update runs \S+mask\.sql \(2 statements\) as role owner/,
    );
    expect(said).toMatch(
      /database shop is in use; .*\n {2}app \(a pool, [\d.]+, pid \d+\)\n {2}postgres \(prepared transaction 'left over'\)$/m,
    );
    expect(changes.map(({ kind }) => kind)).not.toContain("Migrations");
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/database shop cannot be copied while it is in use/);
    expect(text).toMatch(/app \(a pool, [\d.]+, pid \d+\)/);
    expect(text).toContain("postgres (prepared transaction 'left over')");
    expect(names()).toBe("copy postgres shop");
    await client.end();
    stack.sql("shop", "ROLLBACK PREPARED 'left over'");
  });

  it("is dropped again when its mask fails, and the error says where", async () => {
    const bad = mask("bad.sql", "SELECT 1;\nUPDATE data.customers\nSET nickname = 'x';\n");
    stack.configure(() => databases().masked!.copyOf!.run!.push(bad));
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/bad\.sql:3: column "nickname" of relation "customers" does not exist \(SQLSTATE 42703\)/);
    expect(text).toContain("database masked was not created, and nothing was changed: ");
    expect(names()).toBe("copy postgres shop");
    mask("bad.sql", "SELECT 1;\nSELECT FROM FROM;\n");
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.text).toMatch(/bad\.sql:2: syntax error/);
  });

  it("is masked before anybody else can connect, with another owner and privileges of its own", async () => {
    stack.configure(() => databases().masked!.copyOf!.run!.pop());
    stack.configure(() => databases().masked!.copyOf!.run!.unshift(mask("wait.sql", "SELECT pg_sleep(4);")));
    const made = stack.up();
    const unfinished = () => stack.sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '^pgwright-copy-'");
    await eventually("a copy", () => unfinished() !== "", { seconds: 30, every: 100 });
    await expect(stack.connect("app", "password of app", unfinished())).rejects.toThrow(
      /too many connections|User does not have CONNECT privilege|permission denied for database/,
    );
    await expect(stack.connect("app", "password of app", "masked")).rejects.toThrow(/does not exist/);
    const text = await made;
    expect(text).toMatch(/ran \S+wait\.sql \(1 statement\), \S+mask\.sql \(2 statements\) as role owner/);
    expect(names()).toBe("copy masked postgres shop");
    expect(stack.sql("masked", "SELECT count(*), string_agg(DISTINCT name, ',') FROM data.customers")).toBe(
      "5000|nobody",
    );
    expect(stack.sql("masked", "SELECT count(*) FROM data.events")).toBe("500");
    expect(stack.sql("shop", "SELECT count(DISTINCT name) FROM data.customers")).toBe("5000");
    expect(
      stack.sql("masked", "SELECT datdba::regrole, datconnlimit FROM pg_database WHERE datname = current_database()"),
    ).toBe("other|7");
    expect(stack.sql("masked", "SELECT relowner::regrole FROM pg_class WHERE relname = 'customers'")).toBe("owner");
    // What no grant declares is revoked, as everywhere.
    expect(stack.sql("masked", "SELECT has_table_privilege('app', 'data.customers', 'SELECT')")).toBe("f");
    await (await stack.connect("app", "password of app", "masked")).end();
    await quiet();
  });

  it("stays as it is when its source, its mask or copyOf changes; the latter is reported", async () => {
    stack.sql("shop", "UPDATE data.customers SET name = 'another'");
    await quiet();
    mask("mask.sql", "UPDATE data.customers SET name = 'somebody'");
    const { messages, changes } = await stack.preview();
    expect(changes.map(({ kind, op }) => `${op} ${kind}`)).toEqual(["update Database"]);
    expect(messages.join("\n")).toContain("database masked: copyOf has no effect, because the database already exists");
    await stack.up();
    expect(stack.sql("masked", "SELECT DISTINCT name FROM data.customers")).toBe("nobody");
    stack.configure(() => delete databases().masked!.copyOf);
    expect((await stack.preview()).messages.join("\n")).toContain("copyOf has no effect");
    await stack.up();
    await quiet();
  });

  it("is adopted where there is one of that name, and reported", async () => {
    stack.sql("postgres", "CREATE DATABASE mine");
    stack.configure(() => (databases().mine = { owner: "owner", copyOf: { database: "shop" } }));
    const said = (await stack.preview()).messages.join("\n");
    expect(said).toContain("database mine already exists; the update adopts it with its contents");
    expect(said).toContain("database mine: copyOf has no effect, because the database already exists");
    expect(await stack.up()).toContain("database mine: copyOf has no effect, because the database already exists");
    expect(stack.sql("mine", "SELECT to_regnamespace('data') IS NULL")).toBe("t");
    await quiet();
  });

  it("needs a source that exists and holds no pg_cron, which a preview tells", async () => {
    stack.configure(() => (databases().third = { owner: "owner", copyOf: { database: "shopp" } }));
    let { code, messages } = await stack.preview();
    expect(code).not.toBe(0);
    expect(messages.join("\n")).toContain(
      "database third: database shopp of copyOf does not exist; write one of copy, masked, mine, postgres, shop",
    );
    stack.sql("postgres", "CREATE DATABASE shopp");
    stack.sql(
      "shopp",
      `SET allow_system_table_mods = on;
       INSERT INTO pg_extension SELECT 99999, 'pg_cron', 10, 'public'::regnamespace, false, '1.6'`,
    );
    ({ code, messages } = await stack.preview());
    expect(code).not.toBe(0);
    expect(messages.join("\n")).toContain("database shopp has the extension pg_cron, whose jobs would be copied");
    const { text } = await stack.tryUp();
    expect(text).toContain("database shopp has the extension pg_cron, whose jobs would be copied");
    expect(names()).toBe("copy masked mine postgres shop shopp");
    stack.sql("shopp", "SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE oid = 99999");
  });

  it("may be copied by files, but not while a backup is made; what a killed run has left goes", async () => {
    stack.sql("postgres", 'CREATE DATABASE "pgwright-copy-b1e99324505b"');
    stack.configure(() => (databases().third!.copyOf!.strategy = "file_copy"));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /COPY of database shopp, .* by file_copy \(two checkpoints\)/,
    );
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "postgres");
    const backup = stack.cli("backup", "full");
    await client.query(
      `DO 'BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = ''pgBackRest [backup]'') LOOP
         PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
       END LOOP; END'`,
    );
    await client.end();
    signal("STOP");
    const { code, text } = await stack.tryUp();
    signal("CONT");
    expect((await backup).code).toBe(0);
    expect(code).not.toBe(0);
    expect(text).toContain("cannot be copied by file_copy during a backup");
    await stack.up();
    expect(names()).toBe("copy masked mine postgres shop shopp third");
    await quiet();
  });

  it("is made again as a copy when it was dropped by hand", async () => {
    stack.sql("postgres", "DROP DATABASE copy");
    stack.configure(() => (databases().gone = { owner: "owner" })); // made in the same update, for what comes after
    const { messages } = await stack.preview("--refresh");
    expect(messages.join("\n")).toContain("database copy does not exist; the update recreates it as a copy of shop");
    await stack.up("--refresh");
    expect(stack.sql("copy", "SELECT count(*) FROM data.events")).toBe("500");
    await quiet();
  });

  describe("and one that is taken out of the stack file", () => {
    it("is dropped behind a restore point, and comes back by the command that is printed", async () => {
      stack.sql("gone", "CREATE TABLE things AS SELECT generate_series(1, 10)");
      stack.configure(() => delete databases().gone);
      const text = await stack.up();
      const [, point] = /restore -- --name "(before drop of database gone [^"]+)"/.exec(text) ?? [];
      expect(point, text).toBeDefined();
      expect(stack.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'gone'")).toBe("0");
      const { code, text: printed } = await stack.cli("restore", "--name", point as string);
      expect(code, printed).toBe(0);
      expect(stack.sql("gone", "SELECT count(*) FROM things")).toBe("10");
    });

    it("needs no restore point when the whole server goes", async () => {
      const { code, text } = await stack.destroy();
      expect(code, text).toBe(0);
      expect(text).not.toContain("restore point");
      expect(stack.remains()).toEqual([]);
    });
  });
});
