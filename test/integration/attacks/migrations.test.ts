import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Host } from "../../../provider/host";
import { parseMigrations } from "../../../provider/kinds/migrations/files/file";
import { awaitCommit, readLedger, settle } from "../../../provider/kinds/migrations/files/ledger";
import { runMigrations } from "../../../provider/kinds/migrations/run/run";
import { closeConnections, withDatabase } from "../../../provider/session";
import { withRunRole } from "../../../provider/run-role";
import { InProcessStack } from "../in-process-stack";

// Code that others own, run by a migration: none of it may do more than the role that the migration runs as.

/** Ways back to the authenticated user of a session, and what its superuser could do. */
const ATTACK = `
  BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'SET SESSION AUTHORIZATION DEFAULT'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN PERFORM set_config('role', 'postgres', false); EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'SET ROLE NONE'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;`;

describe("the session of a run", () => {
  let stack: InProcessStack;
  let host: Host;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: {}, writer: { memberOf: ["owner"] } },
      databases: { app: { owner: "owner", schemas: { data: {} } } },
    });
    await stack.up();
    host = new Host(stack.container);
  });
  afterAll(() => stack.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const runRoles = () => sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'pgwright\\_run\\_%'");

  it("may do nothing but what its role may, however it leaves the role", async () => {
    await withRunRole(host, "app", "owner", async (client) => {
      const who = async () =>
        (await client.query("SELECT session_user, current_user, current_setting('is_superuser') AS super")).rows[0];
      expect(await who()).toMatchObject({ current_user: "owner", super: "off" });
      await client.query(`DO $$ BEGIN ${ATTACK} END $$`);
      for (const leave of ["RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT", "DISCARD ALL"]) {
        await client.query("SET ROLE owner");
        await client.query(leave);
        expect((await who()).current_user).toMatch(/^pgwright_run_[0-9a-f]{16}$/);
        await expect(client.query("CREATE TABLE data.x ()")).rejects.toThrow(/permission denied/);
        await expect(client.query("SET ROLE postgres")).rejects.toThrow(/permission denied/);
        await expect(client.query("SET SESSION AUTHORIZATION owner")).rejects.toThrow(/permission denied/);
      }
    });
    expect(sql("SELECT count(*) FROM pg_roles WHERE rolname = 'got_it'")).toBe("0");
    expect(runRoles()).toBe("0");
  });

  it("leaves no role behind, and nothing without an owner", async () => {
    sql("GRANT CREATE ON SCHEMA data TO PUBLIC; GRANT TEMPORARY ON DATABASE app TO PUBLIC");
    await withRunRole(host, "app", "owner", (client) =>
      client.query("RESET ROLE; CREATE TABLE data.left (); SELECT lo_create(0); CREATE TEMP TABLE t ()"),
    );
    expect(sql("SELECT tableowner FROM pg_tables WHERE tablename = 'left'")).toBe("owner");
    sql("DROP TABLE data.left; REVOKE CREATE ON SCHEMA data FROM PUBLIC; REVOKE TEMPORARY ON DATABASE app FROM PUBLIC");
    await expect(withRunRole(host, "app", "owner", (client) => client.query("SELECT 1 / 0"))).rejects.toThrow(/zero/);
    expect(runRoles()).toBe("0");
    // What a killed run has left; and one of a run that goes on, which is not there for others.
    sql("CREATE ROLE pgwright_run_0123456789abcdef LOGIN NOINHERIT; GRANT owner TO pgwright_run_0123456789abcdef");
    await withRunRole(host, "app", "owner", async () => {
      await withRunRole(host, "app", "owner", async () => expect(runRoles()).toBe("2"));
      expect(runRoles()).toBe("1");
      const { text } = await stack.cli("drift");
      expect(text).not.toContain("pgwright_run");
    });
    expect(runRoles()).toBe("0");
  });

  it("works where PUBLIC may not connect, and only over the socket as the container's own user", async () => {
    sql("REVOKE CONNECT ON DATABASE app FROM PUBLIC");
    const found = await withRunRole(host, "app", "owner", async (client) => {
      const { session_user: user } = (await client.query("SELECT session_user")).rows[0];
      await expect(stack.connect(user, "", "app")).rejects.toThrow(/password/);
      return (await client.query("SELECT current_user")).rows[0].current_user;
    });
    expect(found).toBe("owner");
    sql("ALTER ROLE owner SUPERUSER");
    const superuser = await withRunRole(
      host,
      "app",
      "owner",
      async (client) => (await client.query("SELECT session_user, current_user")).rows[0],
    );
    sql("ALTER ROLE owner NOSUPERUSER");
    expect(superuser).toEqual({ session_user: "postgres", current_user: "owner" });
  });

  let version = 100;
  /** Files that were applied. */
  const files: Record<string, string> = {};
  /** Runs a file after all others, as an update does. */
  const migrate = async (text: string, options = "") => {
    const name = `${(version += 1)}_x.sql`;
    files[name] = `-- migrate:up${options}\n${text}\n`;
    try {
      await runMigrations(host, { database: "app", role: "owner" }, await parseMigrations(files), () => undefined);
    } catch (error) {
      delete files[name];
      // What has run of a file without transaction would be asked for by the next one.
      sql(`DELETE FROM pgwright.migrations WHERE version = '${version}'`);
      throw error;
    }
  };
  /** Runs of the attack as more than the owner or the role of a run. */
  const escaped = () =>
    sql("SELECT count(*) FROM data.ran WHERE NOT (who = 'owner' OR who LIKE 'pgwright\\_run\\_%') OR super = 'on'");
  const ran = () => Number(sql("SELECT count(*) FROM data.ran"));
  const superusers = () => sql("SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolsuper");

  interface Attack {
    prepare?: string;
    file: string;
    options?: string;
    /** It cannot write down that it ran. */
    silent?: boolean;
  }
  const ALONE = " transaction:false";
  const ATTACKS: Record<string, Attack> = {
    "DO block": { file: "DO $$ BEGIN PERFORM data.attack('do'); END $$;" },
    "DO block by itself": { file: "DO $$ BEGIN PERFORM data.attack('do alone'); END $$;", options: ALONE },
    "trigger under an UPDATE": {
      prepare: "CREATE TRIGGER a_trigger BEFORE UPDATE ON data.t FOR EACH ROW EXECUTE FUNCTION data.fire()",
      file: "UPDATE data.t SET v = 1 WHERE id = 1;",
    },
    "trigger under an UPDATE by itself": { file: "UPDATE data.t SET v = 2 WHERE id = 1;", options: ALONE },
    "trigger under a batch": {
      file: "-- pgwright:batch rows=5\nUPDATE data.t SET v = 3 WHERE v IS NULL;",
      options: ALONE,
    },
    "constraint trigger at COMMIT": {
      prepare: `DROP TRIGGER a_trigger ON data.t; CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON data.t
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION data.fire()`,
      file: "UPDATE data.t SET v = 4 WHERE id = 1;",
    },
    "constraint trigger that is deferred again": {
      prepare: `CREATE FUNCTION data.defer() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
          IF NEW.v = 5 THEN SET CONSTRAINTS ALL DEFERRED; UPDATE data.t SET v = 6 WHERE id = 2; END IF; RETURN NULL; END $f$;
        ALTER FUNCTION data.defer() OWNER TO owner;
        CREATE CONSTRAINT TRIGGER a_defers AFTER UPDATE ON data.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION data.defer()`,
      file: "UPDATE data.t SET v = 5 WHERE id = 1;",
    },
    "constraint trigger at COMMIT of a batch": {
      file: "-- pgwright:batch rows=5\nUPDATE data.t SET v = 7 WHERE v <> 7;",
      options: ALONE,
    },
    default: {
      prepare: "ALTER TABLE data.t ALTER d SET DEFAULT data.attack('default')::text",
      file: "INSERT INTO data.t (id) VALUES (100);",
    },
    "default of a new column": { file: "ALTER TABLE data.t ADD COLUMN e boolean DEFAULT data.attack('new column');" },
    policy: {
      prepare: `ALTER TABLE data.t ENABLE ROW LEVEL SECURITY; ALTER TABLE data.t FORCE ROW LEVEL SECURITY;
        CREATE POLICY p ON data.t USING (data.attack('policy'))`,
      file: "DELETE FROM data.t WHERE id = 1;",
    },
    "CHECK constraint": {
      prepare: `ALTER TABLE data.t DISABLE ROW LEVEL SECURITY; ALTER TABLE data.t NO FORCE ROW LEVEL SECURITY;
        ALTER TABLE data.t ADD CONSTRAINT c CHECK (data.attack('check')) NOT VALID`,
      file: "ALTER TABLE data.t VALIDATE CONSTRAINT c;",
    },
    "index expression": {
      prepare: "ALTER TABLE data.t DROP CONSTRAINT c; ALTER FUNCTION data.attack(text) IMMUTABLE",
      file: "CREATE INDEX CONCURRENTLY i ON data.t (data.attack(id::text));",
      options: ALONE,
      silent: true,
    },
    "index expression made anew": { file: "REINDEX TABLE CONCURRENTLY data.t;", options: ALONE, silent: true },
    "view and generated column": {
      prepare: `DROP INDEX IF EXISTS data.i; ALTER TABLE data.t ADD COLUMN g boolean GENERATED ALWAYS AS (data.attack('generated')) STORED;
        CREATE VIEW data.v AS SELECT data.attack('view') AS x; ALTER VIEW data.v OWNER TO owner; DELETE FROM data.ran`,
      file: "CREATE TABLE data.copy AS SELECT x FROM data.v; INSERT INTO data.t (id) VALUES (101);",
    },
  };

  it("runs the code of others in migrations as no more than the owner, wherever it is hidden", async () => {
    // A member of the owner's role writes the functions; the owner's migrations are harmless.
    sql(`SET ROLE owner;
      CREATE TABLE data.ran (what text, who text, super text); CREATE TABLE data.t (id int PRIMARY KEY, v int, d text);
      INSERT INTO data.t SELECT generate_series(1, 20);
      CREATE FUNCTION data.note(what text) RETURNS void LANGUAGE sql AS
        $f$ INSERT INTO data.ran VALUES (what, current_user, current_setting('is_superuser')) $f$;
      CREATE FUNCTION data.attack(what text) RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN ${ATTACK}
        BEGIN EXECUTE format('SELECT data.note(%L)', what); EXCEPTION WHEN OTHERS THEN NULL; END;
        BEGIN EXECUTE 'SET ROLE owner'; EXECUTE format('SELECT data.note(%L)', what); EXCEPTION WHEN OTHERS THEN NULL; END;
        RETURN true; END $f$;
      CREATE FUNCTION data.fire() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM data.attack(TG_NAME); RETURN NEW; END $f$`);
    sql("DROP ROLE IF EXISTS got_it");
    const before = superusers();
    for (const [name, { prepare, file, options, silent }] of Object.entries(ATTACKS)) {
      if (prepare) sql(prepare);
      const seen = ran();
      await migrate(file, options).catch((error: Error) =>
        expect(error.message, name).toMatch(/leaves the role|denied/),
      );
      expect(escaped(), name).toBe("0");
      expect(superusers(), name).toBe(before);
      if (!silent && !/COMMIT/.test(name)) expect(ran(), name).toBeGreaterThan(seen);
    }
    expect(runRoles()).toBe("0");
  });

  it("refuses what only a superuser may do", async () => {
    const refused: [string, string?][] = [
      ["DO $$ BEGIN EXECUTE 'COPY data.ran TO ''/var/lib/postgresql/stolen'''; END $$;"],
      ["DO $$ BEGIN EXECUTE 'COPY data.ran FROM PROGRAM ''id'''; END $$;"],
      ["ALTER SYSTEM SET work_mem = '1GB';", ALONE],
      ["CREATE EXTENSION pg_buffercache SCHEMA data;"],
      ["SELECT pg_read_file('/etc/passwd');"],
      ["DELETE FROM pgwright.migrations;"],
      ["UPDATE pgwright.migrations SET hash = '';", ALONE],
      ["DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$; CREATE TABLE data.x ();"],
      ["DO $$ BEGIN EXECUTE 'RESET ROLE'; END $$; SELECT 1;"],
      ["DO $$ BEGIN EXECUTE 'SET SESSION AUTHORIZATION postgres'; END $$;"],
      ["CREATE FUNCTION data.c() RETURNS int LANGUAGE c AS 'pg_cron', 'cron_schedule';"],
      ["SET session_replication_role = replica;"],
      ["SELECT set_config('ro' || 'le', 'postgres', false);"],
    ];
    for (const [text, options] of refused)
      await expect(migrate(text, options), text).rejects.toThrow(
        /permission denied|must be|only|not allowed|leaves the role/,
      );
    expect(stack.inServer("sh", "-c", "ls /var/lib/postgresql | grep -c stolen || true")).toBe("0");
  });

  it("has the preview refuse what the text of a file says, with file and line", async () => {
    const folder = join(stack.folder, "attack");
    mkdirSync(folder);
    const write = (text: string) => writeFileSync(join(folder, "900_x.sql"), `-- migrate:up\nSELECT 1;\n${text};\n`);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    stack.configure(({ databases }) => Object.assign(databases?.app ?? {}, { migrations: { folder } }));
    const refused = {
      "SET ROLE postgres": "SET ROLE leaves the role owner",
      "COPY data.ran TO '/var/lib/postgresql/x'":
        "needs membership in pg_write_server_files, which role owner does not have",
    };
    for (const [text, problem] of Object.entries(refused)) {
      write(text);
      const { code, messages } = await stack.preview();
      expect(code, text).not.toBe(0);
      expect(messages.join("\n")).toMatch(new RegExp(`900_x\\.sql:3: .*${problem}`));
    }
    write("SELECT 2");
    sql("ALTER ROLE owner SUPERUSER");
    const { messages } = await stack.preview();
    sql("ALTER ROLE owner NOSUPERUSER");
    expect(messages.join("\n")).toContain("will apply 900_x.sql: 2 statements as owner, a superuser");
    stack.configure(({ databases }) => delete databases?.app?.migrations);
    rmSync(folder, { recursive: true });
  });

  it("keeps a ledger that no one else writes, and that is right whenever a run is killed", async () => {
    const [file] = await parseMigrations({ "950_k.sql": "-- migrate:up\nSELECT 1;" });
    if (!file) throw new Error("no file");
    const outcome = { name: "k", hash: file.hash, statements: 1, finished: true, batch: null };
    await withDatabase(host, "app", async (admin) => {
      const row = async () => (await readLedger(admin))?.find(({ version }) => version === "950");
      await withRunRole(host, "app", "owner", async (client) => {
        const begin = async (text: string, then: typeof outcome | null) => {
          await client.query(`BEGIN; ${text}`);
          const { rows } = await client.query("SELECT pg_current_xact_id()::text AS xid");
          await awaitCommit(admin, file, rows[0].xid, then);
        };
        // Killed before its COMMIT: the transaction is open, then rolled back.
        await begin("CREATE TABLE data.killed ()", outcome);
        expect(await row()).toMatchObject({ finished: false, waits: { status: "in progress" } });
        await client.query("ROLLBACK");
        expect(await row()).toMatchObject({ finished: false, statements: 0 });
        expect(await settle(admin)).toBe(false);
        expect(await row()).toBeUndefined();
        // Killed behind it: applied, though no one has written so.
        await begin("CREATE TABLE data.killed ()", outcome);
        await client.query("COMMIT");
        expect(await row()).toMatchObject({ finished: true, hash: file.hash, statements: 1 });
        // So with what is undone.
        await settle(admin);
        await begin("DROP TABLE data.killed", null);
        expect(await row()).toMatchObject({ finished: true });
        await client.query("COMMIT");
        expect(await row()).toBeUndefined();
      });
      await settle(admin);
      expect(sql("SELECT count(*) FROM pgwright.migrations WHERE version = '950'")).toBe("0");
    });
    sql("ALTER TABLE pgwright.migrations OWNER TO owner");
    await closeConnections(host, "app");
    const problem = withDatabase(host, "app", readLedger);
    await expect(problem).rejects.toThrow(
      /object migrations in schema pgwright belongs to owner, which is not a superuser/,
    );
    sql("ALTER TABLE pgwright.migrations OWNER TO postgres");
  });
});
