import { randomBytes } from "node:crypto";
import { Client, type ClientConfig } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endSessions, retire } from "../../provider/kinds/access/removals";
import { scramVerifier } from "../../provider/scram";
import { InProcessStack } from "./in-process-stack";

describe("roles", () => {
  let stack: InProcessStack;
  let started: string;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      passwords: { reader: "first password", maker: "maker 4711", postgres: "super\u00ADuser" },
      roles: {
        owner: {},
        group: {},
        reader: {
          login: true,
          memberOf: ["group"],
          connectionLimit: 5,
          searchPath: ["data", "public"],
          statementTimeout: "30s",
          settings: {
            lock_timeout: "5s",
            session_preload_libraries: "auto_explain, pg_trgm",
            temp_tablespaces: "a, b",
          },
        },
        made_up: { login: true },
        leaver: { login: true, memberOf: ["group"] },
        maker: { login: true, createRole: true },
        streamer: { login: true, replication: true },
      },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, "Odd Schema": {}, full: {}, empty: {} },
          grants: {
            reader: { database: ["CONNECT"] },
            made_up: { database: ["CONNECT"] },
            maker: { database: ["CONNECT"] },
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
    expect(await show("temp_tablespaces")).toBe("a, b");
    // Of libraries that the session has loaded.
    expect(await show("auto_explain.log_format")).toBe("text");
    expect(await show("pg_trgm.similarity_threshold")).toBe("0.3");
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
      config.passwords = { ...config.passwords, reader: "second p\u00ADässword" };
      roles().made_up = { login: true, passwordRotation: "again" };
    });
    await stack.up();
    const after = await stack.output<Record<string, string>>("rolePasswords");
    await enters("reader", "second pässword");
    await enters("reader", "second p\u00ADässword");
    await enters("made_up", after.made_up as string);
    await refused("reader", "first password");
    await refused("made_up", before.made_up as string);
    expect(stack.startTime()).toBe(started);
    await quiet();
  });

  it("log in with any password that libpq takes, whether SASLprep changes it, refuses it or leaves it", () => {
    stack.sql("postgres", "CREATE ROLE typist LOGIN");
    for (const password of [
      "soft\u00ADhyphen",
      "\uFEFFbyte order mark",
      "zero\u200Bwidth",
      "\uFB01 with \u{1F600}",
      "\uFB01 with \u0007",
      "\u06271\uFB50",
      "\uFB501",
      "\u00AD",
      "a'b\\c\"d=e f",
    ]) {
      stack.sql("postgres", `ALTER ROLE typist PASSWORD '${scramVerifier(password, randomBytes(16))}'`);
      const login = [
        "psql",
        "--host=127.0.0.1",
        "--username=typist",
        "--dbname=postgres",
        "-Atc",
        "SELECT current_user",
      ];
      expect(stack.inServer("env", `PGPASSWORD=${password}`, ...login), JSON.stringify(password)).toBe("typist");
    }
    stack.sql("postgres", "DROP ROLE typist");
  });

  it("with replication stream the WAL, from outside and beside the server", async () => {
    const { streamer = "", made_up = "" } = await stack.output<Record<string, string>>("rolePasswords");
    const connection = { host: "127.0.0.1", port: stack.port, database: "postgres", replication: "true" };
    const client = new Client({ ...connection, user: "streamer", password: streamer } as ClientConfig);
    await client.connect();
    expect((await client.query("IDENTIFY_SYSTEM")).rows[0].timeline).toBe("1");
    await client.end();
    const stranger = new Client({ ...connection, user: "made_up", password: made_up } as ClientConfig);
    await expect(stranger.connect()).rejects.toThrow(/permission denied to start WAL sender/);
    for (const slot of ["--create-slot", "--drop-slot"])
      stack.inServer("env", `PGPASSWORD=${streamer}`, "pg_receivewal", "-h127.0.0.1", "-Ustreamer", "-Sstreamer", slot);
  });

  it("get their password back when somebody has changed it; every preview shows it, and never its text", async () => {
    stack.sql("postgres", "ALTER ROLE reader PASSWORD 'by hand'; ALTER ROLE \"group\" PASSWORD 'by hand too'");
    const { changes, messages } = await stack.preview();
    expect(changes.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(["Role group", "Role reader"]);
    for (const { detailedDiff } of changes) expect(Object.keys(detailedDiff ?? {})).toEqual(["verifier"]);
    expect(messages.join("\n")).toContain(
      "its password was changed outside of pgwright; the update sets the declared one",
    );
    expect(messages.join("\n")).toContain(`ALTER ROLE "reader" PASSWORD '...'`);
    expect(messages.join("\n")).toContain('ALTER ROLE "group" PASSWORD NULL');
    for (const refresh of [[], ["--refresh"]]) {
      const shown = (await stack.run("preview", "--diff", ...refresh, "--stack", stack.name)).text;
      expect(shown).toContain("verifier");
      expect(shown).not.toContain("SCRAM-SHA-256$");
    }
    await stack.up();
    await refused("reader", "by hand");
    await enters("reader", "second pässword");
    expect(stack.sql("postgres", "SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'group'")).toBe("t");
    expect(JSON.stringify(await stack.state())).not.toContain("SCRAM-SHA-256$");
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
    const { changes, messages, text } = await stack.preview();
    const found = changes.map(({ kind, name, detailedDiff }) => [
      `${kind} ${name}`,
      Object.keys(detailedDiff ?? {}).sort(),
    ]);
    expect(Object.fromEntries(found), text).toEqual({
      "Role made_up": ["memberOf"],
      "Role reader": [
        "byHand",
        "connectionLimit",
        "memberOf",
        "searchPath",
        "settings.lock_timeout",
        "settings.work_mem",
        "statementTimeout",
        "superuser",
        "validUntil",
      ],
    });
    const said = messages.join("\n");
    expect(messages.filter((each) => each.startsWith("ACCESS: ")).sort()).toEqual([
      "ACCESS: made_up loses membership of owner",
      "ACCESS: reader gains membership of group",
      "ACCESS: reader loses SUPERUSER",
      "ACCESS: reader loses membership of owner",
    ]);
    for (const statement of [
      "ALTER ROLE \"reader\" NOSUPERUSER CONNECTION LIMIT 5 VALID UNTIL 'infinity'",
      'REVOKE "owner" FROM "reader" GRANTED BY "made_up" CASCADE',
      'GRANT "group" TO "reader"',
      'ALTER ROLE "reader" RESET "work_mem"',
    ]) {
      expect(said).toContain(statement);
    }
    const shown = (await stack.run("preview", "--diff", "--stack", stack.name)).text;
    for (const words of [
      /superuser *: true => false/,
      /\[0\]: "owner"/,
      /"public" => "data"/,
      /in database app: jit=off/,
      /2030-01-01/,
    ]) {
      expect(shown).toMatch(words);
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

  it("are made again when somebody has dropped them, with their password and memberships", async () => {
    stack.sql("postgres", "REVOKE CONNECT ON DATABASE app FROM reader; DROP ROLE reader");
    const { changes, messages } = await stack.preview();
    expect(changes.map(({ op, kind, name }) => `${op} ${kind} ${name}`)).toContain("create Role reader");
    expect(messages).toContain("ACCESS: reader, a new role, gains LOGIN");
    expect(messages).toContain("ACCESS: reader, a new role, gains membership of group");
    await stack.up();
    await enters("reader", "second pässword");
    expect(stack.sql("postgres", "SELECT pg_has_role('reader', 'group', 'USAGE')")).toBe("t");
    await quiet();
  });

  it("with CREATEROLE keep the roles that they have made, and others the memberships that they have granted", async () => {
    const client = await stack.connect("maker", "maker 4711", "app");
    await client.query(`
      CREATE ROLE tenant; CREATE ROLE passed_on; CREATE ROLE client_a; CREATE ROLE client_b;
      SET createrole_self_grant = 'set, inherit'; CREATE ROLE used;
      GRANT tenant, used TO client_a; GRANT tenant TO client_b WITH ADMIN OPTION, INHERIT FALSE;
      SET ROLE used`);
    stack.sql("postgres", "GRANT passed_on TO maker");
    const members = () =>
      stack.sql(
        "app",
        `SELECT roleid::regrole, member::regrole, admin_option, inherit_option, set_option FROM pg_auth_members
        WHERE member::regrole::text ~ '^client_' ORDER BY roleid::regrole::text, member::regrole::text`,
      );
    const granted = members();
    expect(granted.split("\n")).toHaveLength(3);
    await quiet();
    await client.query("RESET ROLE; ALTER ROLE tenant CONNECTION LIMIT 3; GRANT passed_on TO client_b");

    // One of them becomes a role of the stack file.
    stack.configure(() => (roles().used = {}));
    expect((await stack.preview()).messages.filter((each) => each.startsWith("ACCESS: ")).sort()).toEqual([
      "ACCESS: maker loses membership of used",
      "ACCESS: maker may alter and grant role used",
    ]);
    await stack.up();
    await quiet();
    await expect(client.query("SET ROLE used")).rejects.toThrow(/permission denied/);
    await client.query("ALTER ROLE used CONNECTION LIMIT 3");
    await client.end();
    await stack.up();

    const before = members();
    stack.configure(() => (roles().maker = { login: true }));
    expect((await stack.preview()).messages.filter((each) => each.startsWith("ACCESS: ")).sort()).toEqual([
      "ACCESS: maker loses CREATEROLE",
      "ACCESS: maker loses membership of client_a, client_b, passed_on, tenant, used",
    ]);
    await stack.up();
    expect(members()).toBe(before);
    await quiet();

    stack.sql("app", 'GRANT "group" TO maker WITH ADMIN OPTION; SET ROLE maker; GRANT "group" TO client_b');
    const more = members();
    stack.configure((config) => {
      delete config.passwords?.maker;
      delete roles().maker;
      delete databases().app?.grants?.maker;
    });
    await stack.up();
    expect(members()).toBe(more);
    await quiet();
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
    expect(said).toContain("role leaver is removed; owner becomes the owner of its objects in app: table data.theirs");
    expect(said).toContain(
      "role leaver is removed; owner becomes the owner of its objects in second: table public.also",
    );
    expect(said).toContain("role leaver is removed; its sessions are terminated: 1");
    expect(said).toContain("role leaver is removed; its default privileges in app are removed too");
    await stack.up();
    expect(stack.sql("app", "SELECT count(*) FROM pg_roles WHERE rolname = 'leaver'")).toBe("0");
    expect(
      stack.sql("app", "SELECT tableowner, (SELECT id FROM data.theirs) FROM pg_tables WHERE tablename = 'theirs'"),
    ).toBe("owner|42");
    expect(stack.sql("second", "SELECT tableowner FROM pg_tables WHERE tablename = 'also'")).toBe("owner");
    await expect(session.query("SELECT 1")).rejects.toThrow();
    await quiet();
  });

  it("lose their objects in several databases at the same time, without an error", async () => {
    const password = await stack.output<string>("superuserPassword");
    const sessions = await Promise.all(
      ["app", "second", "app", "second"].map((database) => stack.connect("postgres", password, database)),
    );
    const remove = async (client: Client) => {
      await endSessions(client, ["parting"]);
      await client.query("BEGIN");
      await retire(client, "parting", "owner");
      await client.query("COMMIT");
    };
    stack.sql("postgres", "CREATE ROLE parting LOGIN; CREATE ROLE granted_on; CREATE ROLE grantee");
    for (let i = 0; i < 20; i++) {
      stack.sql(
        "postgres",
        "GRANT granted_on TO parting WITH ADMIN OPTION; GRANT granted_on TO grantee GRANTED BY parting",
      );
      await Promise.all(sessions.map(remove));
    }
    for (const client of sessions) await client.end();
    expect(stack.sql("postgres", "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'parting'")).toBe("f");
    stack.sql("postgres", "DROP ROLE parting; DROP ROLE granted_on; DROP ROLE grantee");
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
      /schema full of database app still contains .*table "full".t.*dropSchemas/s,
    );
    expect((await stack.tryUp()).code).not.toBe(0);
    expect(stack.sql("app", 'SELECT id FROM "full".t')).toBe("1");

    stack.configure(() => ((databases().app as { dropSchemas?: string[] }).dropSchemas = ["full"]));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /DATA LOSS: schema full of database \w+ is dropped with all its objects: /,
    );
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

  it("are adopted when they are there already, and so is a database, with its data", async () => {
    stack.sql(
      "postgres",
      `CREATE ROLE found LOGIN SUPERUSER PASSWORD 'its old one' VALID UNTIL '2020-01-01' IN ROLE new_owner;
      ALTER ROLE found SET work_mem = '1GB'; CREATE ROLE stranger LOGIN`,
    );
    stack.sql("postgres", "CREATE DATABASE there OWNER stranger CONNECTION LIMIT 1");
    stack.sql(
      "there",
      "SET ROLE found; CREATE SCHEMA data; CREATE TABLE data.kept AS SELECT 11 AS id; GRANT SELECT ON data.kept TO stranger",
    );
    stack.configure((config) => {
      roles().found = { login: true, memberOf: ["group"] };
      databases().there = {
        owner: "found",
        schemas: { data: {}, more: {} },
        extensions: { vector: {} },
        grants: { found: { database: ["CONNECT"] } },
      };
      config.passwords = { ...config.passwords, found: "its new one" };
    });
    const { messages } = await stack.preview();
    expect(messages.filter((each) => each.startsWith("ACCESS: ")).sort()).toEqual([
      "ACCESS: PUBLIC loses CONNECT, TEMPORARY on database there, not declared in the stack file",
      "ACCESS: PUBLIC loses EXECUTE on future functions in database there, not declared in the stack file",
      "ACCESS: found gains CONNECT on database there, which it has through PUBLIC already",
      "ACCESS: found gains membership of group",
      "ACCESS: found loses SUPERUSER",
      "ACCESS: found loses membership of new_owner",
      "ACCESS: stranger loses SELECT on table data.kept in database there, not declared in the stack file",
    ]);
    const said = messages.join("\n");
    expect(said).toContain("role found already exists; the update adopts it and alters it as declared");
    expect(said).toContain(`ALTER ROLE "found" NOSUPERUSER VALID UNTIL 'infinity' PASSWORD '...'`);
    expect(said).toContain("database there already exists; the update adopts it with its contents");
    expect(said).toContain('ALTER DATABASE "there" OWNER TO "found"');
    await stack.up();
    const client = await stack.connect("found", "its new one", "there");
    expect(
      (await client.query("SELECT id, current_setting('work_mem') <> '1GB' AS reset FROM data.kept")).rows,
    ).toEqual([{ id: 11, reset: true }]);
    await client.end();
    expect(
      stack.sql(
        "there",
        "SELECT rolsuper, pg_has_role('found', 'new_owner', 'MEMBER') FROM pg_roles WHERE rolname = 'found'",
      ),
    ).toBe("f|f");
    expect(stack.sql("there", "SELECT count(*) FROM pg_roles WHERE rolname = 'stranger'")).toBe("1");
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });

  it("show a database whose owner or limit was changed by hand, and put it back", async () => {
    stack.sql("postgres", "ALTER DATABASE there OWNER TO stranger; ALTER DATABASE there CONNECTION LIMIT 3");
    const { changes } = await stack.preview();
    const database = changes.find(({ kind }) => kind === "Database");
    expect(Object.keys(database?.detailedDiff ?? {}).sort()).toEqual(["connectionLimit", "owner"]);
    await stack.up();
    expect(stack.sql("there", "SELECT datdba::regrole, datconnlimit FROM pg_database WHERE datname = 'there'")).toBe(
      "found|-1",
    );
    await quiet();
  });

  it("are not removed while a database that is not declared knows them; the error says what is there", async () => {
    stack.sql("postgres", "CREATE DATABASE aside");
    stack.sql(
      "aside",
      "GRANT CREATE ON SCHEMA public TO made_up; SET ROLE made_up; CREATE TABLE public.mine AS SELECT 3 AS id",
    );
    stack.configure(() => {
      delete roles().made_up;
      for (const database of Object.values(databases())) delete database.grants?.made_up;
    });
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /role made_up cannot be dropped.*in database aside: .*table (public\.)?mine \(owner\).*REASSIGN OWNED BY "made_up"/s,
    );
    expect(stack.sql("aside", "SELECT id FROM mine")).toBe("3");
    stack.sql("aside", "REASSIGN OWNED BY made_up TO postgres; DROP OWNED BY made_up");
    await stack.up();
    expect(stack.sql("aside", "SELECT id, (SELECT count(*) FROM pg_roles WHERE rolname = 'made_up') FROM mine")).toBe(
      "3|0",
    );
    await quiet();
  });
});
