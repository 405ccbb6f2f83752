import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestStack } from "./stack";

describe("roles", () => {
  let stack: TestStack;
  let started: string;
  beforeAll(async () => {
    stack = await TestStack.create({
      passwords: { reader: "first password" },
      roles: {
        owner: {},
        group: {},
        reader: {
          login: true,
          memberOf: ["group"],
          connectionLimit: 5,
          searchPath: ["data", "public"],
          statementTimeout: "30s",
          settings: { lock_timeout: "5s" },
        },
        made_up: { login: true },
        leaver: { login: true, memberOf: ["group"] },
      },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, "Odd Schema": {}, full: {}, empty: {} },
          grants: {
            reader: { database: ["CONNECT"] },
            made_up: { database: ["CONNECT"] },
            leaver: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE", "CREATE"] } } },
          },
        },
        second: {
          owner: "owner",
          grants: { leaver: { database: ["CONNECT"], schemas: { public: { schema: ["CREATE"] } } } },
        },
      },
    });
    await stack.up();
    started = stack.startTime();
  });
  afterAll(() => stack.dispose());

  const roles = () => stack.config.roles as NonNullable<typeof stack.config.roles>;
  const databases = () => stack.config.databases as NonNullable<typeof stack.config.databases>;
  const quiet = async () => expect((await stack.preview()).changes.map(({ urn }) => urn)).toEqual([]);
  const refused = (user: string, password: string) =>
    expect(stack.connect(user, password, "app")).rejects.toThrow(/password authentication failed/);
  const enters = async (user: string, password: string) => (await stack.connect(user, password, "app")).end();

  it("log in with the passwords of the stack file, with their limits and parameters", async () => {
    const client = await stack.connect("reader", "first password", "app");
    const show = async (name: string) => (await client.query(`SHOW ${name}`)).rows[0][name];
    expect(await show("search_path")).toBe("data, public");
    expect(await show("statement_timeout")).toBe("30s");
    expect(await show("lock_timeout")).toBe("5s");
    await client.end();
    expect(
      stack.sql(
        "app",
        "SELECT rolconnlimit, pg_has_role('reader', 'group', 'USAGE') FROM pg_roles WHERE rolname = 'reader'",
      ),
    ).toBe("5|t");
    await quiet();
  });

  it("get a new password when the stack file gives one, or asks for another; the old one stops working", async () => {
    const before = await stack.output<Record<string, string>>("rolePasswords");
    await enters("made_up", before.made_up as string);
    stack.configure((config) => {
      config.passwords = { reader: "second pässword" };
      roles().made_up = { login: true, passwordRotation: "again" };
    });
    await stack.up();
    const after = await stack.output<Record<string, string>>("rolePasswords");
    await enters("reader", "second pässword");
    await enters("made_up", after.made_up as string);
    await refused("reader", "first password");
    await refused("made_up", before.made_up as string);
    expect(stack.startTime()).toBe(started);
    await quiet();
  });

  it("get their password back when somebody has changed it; a preview with --refresh shows it", async () => {
    stack.sql("postgres", "ALTER ROLE reader PASSWORD 'by hand'");
    const { changes } = await stack.preview("--refresh");
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["Role reader"]);
    await stack.up("--refresh");
    await refused("reader", "by hand");
    await enters("reader", "second pässword");
    expect((await stack.preview("--refresh")).changes).toEqual([]);
  });

  it("show in every preview what was done to them by hand, and lose it again", async () => {
    stack.sql(
      "postgres",
      `
      ALTER ROLE reader SET lock_timeout = '1min'; ALTER ROLE reader SET work_mem = '1GB';
      ALTER ROLE reader SET search_path = public; ALTER ROLE reader RESET statement_timeout;
      ALTER ROLE reader IN DATABASE app SET jit = off;
      ALTER ROLE reader SUPERUSER CONNECTION LIMIT 50 VALID UNTIL '2030-01-01 00:00+00';
      REVOKE "group" FROM reader; GRANT owner TO made_up WITH ADMIN OPTION; SET ROLE made_up; GRANT owner TO reader`,
    );
    const { changes, text } = await stack.preview();
    expect(
      changes.map(({ kind }) => kind),
      text,
    ).toEqual(["RoleSettings"]);
    expect(Object.keys(changes[0]?.detailedDiff ?? {}).sort()).toEqual([
      "byHand.made_up",
      "byHand.reader",
      "roles.reader.lock_timeout",
      "roles.reader.work_mem",
    ]);
    const shown = (await stack.run("preview", "--diff", "--stack", stack.name)).text;
    for (const words of [
      "SUPERUSER",
      "member of owner",
      "no member of group",
      "search_path=public",
      "no statement_timeout",
      "in database app: jit=off",
    ]) {
      expect(shown).toContain(words);
    }
    await stack.up();
    await quiet();
    expect((await stack.preview("--refresh")).changes).toEqual([]);
    expect(
      stack.sql(
        "postgres",
        "SELECT rolsuper, rolconnlimit, rolvaliduntil = 'infinity' FROM pg_roles WHERE rolname = 'reader'",
      ),
    ).toBe("f|5|t");
    expect(stack.sql("postgres", "SELECT count(*) FROM pg_auth_members WHERE roleid = 'owner'::regrole")).toBe("0");
  });

  it("leave without harm: what they own in any database goes to its owner, sessions end, the rest stays", async () => {
    stack.sql(
      "app",
      `SET ROLE leaver; CREATE TABLE data.theirs (id int); INSERT INTO data.theirs VALUES (42);
      ALTER DEFAULT PRIVILEGES IN SCHEMA data GRANT SELECT ON TABLES TO reader; GRANT SELECT ON data.theirs TO reader`,
    );
    stack.sql("second", "SET ROLE leaver; CREATE TABLE public.also (id int)");
    const passwords = await stack.output<Record<string, string>>("rolePasswords");
    const session: Client = await stack.connect("leaver", passwords.leaver as string, "app");
    await session.query("BEGIN; LOCK TABLE data.theirs IN ACCESS SHARE MODE");
    stack.configure(() => {
      delete roles().leaver;
      for (const database of Object.values(databases())) delete database.grants?.leaver;
    });
    const { messages } = await stack.preview();
    const said = messages.join("\n");
    expect(said).toContain("role leaver is removed; what it owns in app goes to owner: table data.theirs");
    expect(said).toContain("role leaver is removed; what it owns in second goes to owner: table also");
    expect(said).toContain("role leaver is removed; its open sessions are ended: 1");
    expect(said).toContain("role leaver is removed; so are its default privileges in app");
    await stack.up();
    expect(stack.sql("app", "SELECT count(*) FROM pg_roles WHERE rolname = 'leaver'")).toBe("0");
    expect(
      stack.sql("app", "SELECT tableowner, (SELECT id FROM data.theirs) FROM pg_tables WHERE tablename = 'theirs'"),
    ).toBe("owner|42");
    expect(stack.sql("second", "SELECT tableowner FROM pg_tables WHERE tablename = 'also'")).toBe("owner");
    await expect(session.query("SELECT 1")).rejects.toThrow();
    await quiet();
  });

  it("can take over as owners: everything changes hands and nothing is lost", async () => {
    stack.sql("app", "SET ROLE owner; CREATE TABLE data.kept AS SELECT 7 AS id");
    stack.configure(() => {
      delete roles().owner;
      roles().new_owner = {};
      for (const database of Object.values(databases())) database.owner = "new_owner";
    });
    await stack.up();
    expect(
      stack.sql("app", "SELECT tableowner, (SELECT id FROM data.kept) FROM pg_tables WHERE tablename = 'kept'"),
    ).toBe("new_owner|7");
    expect(
      stack.sql("app", "SELECT DISTINCT nspowner::regrole FROM pg_namespace WHERE nspname IN ('data', 'full')"),
    ).toBe("new_owner");
    expect(stack.sql("app", "SELECT datdba::regrole FROM pg_database WHERE datname = 'app'")).toBe("new_owner");
    expect(stack.sql("app", "SELECT count(*) FROM pg_roles WHERE rolname = 'owner'")).toBe("0");
    await quiet();
  });

  it("keep their schemas: one that holds anything is dropped only when the stack file says so", async () => {
    stack.sql(
      "app",
      `SET ROLE new_owner; CREATE TABLE "full".t AS SELECT 1 AS id; CREATE TYPE "full".mood AS ENUM ('a'); CREATE VIEW "full".v AS SELECT * FROM "full".t`,
    );
    const schemas = databases().app?.schemas as Record<string, object>;
    stack.configure(() => {
      delete schemas.full;
      delete schemas.empty;
    });
    const refusedPreview = await stack.preview();
    expect(refusedPreview.code).not.toBe(0);
    expect(refusedPreview.messages.join("\n")).toMatch(
      /schema full of database app still holds .*table "full".t.*dropSchemas/s,
    );
    expect((await stack.tryUp()).code).not.toBe(0);
    expect(stack.sql("app", 'SELECT id FROM "full".t')).toBe("1");

    stack.configure(() => ((databases().app as { dropSchemas?: string[] }).dropSchemas = ["full"]));
    expect((await stack.preview()).messages.join("\n")).toContain("schema full is removed with all that it holds: ");
    await stack.up();
    expect(stack.sql("app", "SELECT count(*) FROM pg_namespace WHERE nspname IN ('full', 'empty')")).toBe("0");
    await quiet();
  });

  it("do not keep a database from being removed by being in it", async () => {
    stack.sql("second", "CREATE SCHEMA extra; CREATE TABLE extra.t (id int)");
    stack.configure(() => {
      const second = databases().second;
      if (second) second.grants = { reader: { database: ["CONNECT"] } };
    });
    await stack.up();
    const client = await stack.connect("reader", "second pässword", "second");
    stack.configure(() => delete databases().second);
    await stack.up();
    expect(stack.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'second'")).toBe("0");
    await client.end().catch(() => undefined);
    await quiet();
  });
});
