import fc from "fast-check";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client } from "pg";
import { Host } from "../../provider/host";
import { reconcile } from "../../provider/kinds/access/reconcile";
import type { AccessInputs } from "../../provider/kinds/access/inputs";
import { labelOf, type Grant } from "../../provider/kinds/access/grant";
import { PRIVILEGES } from "../../config/databases";
import { withDatabase } from "../../provider/session";
import { type Preview } from "./stack";
import { InProcessStack } from "./in-process-stack";

const ODD_SCHEMA = 'Odd "s.x" schéma';
const ODD_ROLE = 'Rôle "q".x';
const OBJECTS = `
  SET ROLE owner;
  CREATE TABLE data.t (id int, secret text);
  CREATE TABLE data."my.Table ""x""" (id int);
  CREATE VIEW data.v AS SELECT id FROM data.t;
  CREATE SEQUENCE data.s;
  CREATE TABLE data.events (at timestamptz) PARTITION BY RANGE (at);
  CREATE TABLE data.events_1 PARTITION OF data.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE FUNCTION data.variadic(a int[], VARIADIC b text[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION data.defaults(a int, b timestamptz DEFAULT now(), OUT c int) LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION data."None"() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION data."f(x) ""y"""(a numeric) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE PROCEDURE data.proc(x int, OUT y int) LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE data.total(int) (SFUNC = int4pl, STYPE = int);
  CREATE FUNCTION data.shut() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE TABLE "Odd ""s.x"" schéma"."T able" (id int);`;
const FUNCTIONS = [
  "data.variadic(int[], text[])",
  "data.defaults(int, timestamptz)",
  "data.None()",
  'data."f(x) ""y"""(numeric(3, 1))',
  "data.proc(int)",
  "data.total(integer)",
];

describe("access to databases", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: {
        owner: {},
        heir: {},
        helper: { memberOf: ["owner"] },
        leaver: { login: true },
        reader: { login: true },
        writer: { login: true },
        [ODD_ROLE]: {},
      },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, [ODD_SCHEMA]: {}, gone: { owner: "heir" }, extras: {} },
          extensions: { hstore: { schema: "extras", version: "1.7" } },
        },
        other: { owner: "owner" },
      },
    });
    await stack.up();
    stack.sql("app", OBJECTS);
  });
  afterAll(() => stack.dispose());

  const app = () =>
    (stack.config.databases ?? {}).app as NonNullable<NonNullable<typeof stack.config.databases>["app"]>;
  const quiet = async () => expect((await stack.preview()).changes.map(({ urn }) => urn)).toEqual([]);
  /** The privileges that a preview finds to differ. */
  const differing = ({ changes, text }: Preview) => {
    const access = changes.find(({ kind, name }) => kind === "Access" && name === "app");
    expect(access, text).toBeDefined();
    return Object.keys(access?.detailedDiff ?? {}).sort();
  };
  /** What a preview says of who gains and who loses what. */
  const reported = ({ messages }: Preview) => messages.flatMap((each) => /^ACCESS: (.*)/.exec(each)?.[1] ?? []).sort();
  const can = (role: string, what: string) =>
    stack.sql("app", `SELECT has_${what.replace("(", `_privilege('${role}', `)}`) === "t";

  it("has owners and extensions as the stack file says", () => {
    expect(
      stack.sql(
        "app",
        "SELECT nspname, nspowner::regrole FROM pg_namespace WHERE nspname ~ '^(data|gone|Odd)' ORDER BY 1",
      ),
    ).toBe(`Odd "s.x" schéma|owner\ndata|owner\ngone|heir`);
    expect(
      stack.sql("app", "SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'hstore'"),
    ).toBe("1.7|extras");
  });

  it("is given as declared, on objects of every kind and name, and to nobody else", async () => {
    stack.configure(() => {
      app().extensions = { hstore: { schema: "data", version: "1.8" } };
      app().grants = {
        [ODD_ROLE]: { database: ["CONNECT", "TEMPORARY"], functions: { "data.total(int4)": ["EXECUTE"] } },
        reader: {
          database: ["CONNECT"],
          schemas: {
            data: { schema: ["USAGE"], tables: ["SELECT"], sequences: ["USAGE"] },
            [ODD_SCHEMA]: { schema: ["USAGE"] },
          },
          tables: { 'data.my.Table "x"': ["INSERT"], '"Odd ""s.x"" schéma".T able': ["SELECT", "MAINTAIN"] },
          functions: Object.fromEntries(FUNCTIONS.map((name) => [name, ["EXECUTE" as const]])),
        },
      };
    });
    const { messages, changes } = await stack.preview();
    expect(changes.map(({ kind }) => kind).sort()).toEqual(["Access", "Extension"]);
    const gains = messages
      .flatMap((each) => /^ACCESS: reader gains (.*)/.exec(each)?.[1]?.replace(/,? in database app$/, "") ?? [])
      .sort();
    expect(gains).toEqual([
      "CONNECT on database app",
      expect.stringMatching(/^EXECUTE on 6 of 7 functions of data \(/),
      'INSERT on table data.my.Table "x"',
      'MAINTAIN on table "Odd ""s.x"" schéma".T able',
      'SELECT on all 5 tables of data, and on future tables; on table "Odd ""s.x"" schéma".T able',
      'USAGE on schemas Odd "s.x" schéma, data',
      "USAGE on sequence data.s, and on future sequences",
    ]);
    expect(messages.join("\n")).toContain(
      'GRANT EXECUTE ON ROUTINE data.defaults(integer, timestamp with time zone) TO "reader";',
    );
    await stack.up();
    await quiet();
    expect(
      stack.sql("app", "SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'hstore'"),
    ).toBe("1.8|data");
    for (const name of [
      "variadic(int[], text[])",
      "defaults(int, timestamptz)",
      '"None"()',
      '"f(x) ""y"""(numeric)',
      "proc(int)",
      "total(int)",
    ]) {
      expect(can("reader", `function('data.${name}', 'EXECUTE')`), name).toBe(true);
      expect(can("writer", `function('data.${name}', 'EXECUTE')`), name).toBe(false);
    }
    expect(can("reader", "function('data.shut()', 'EXECUTE')")).toBe(false);
    expect(can("reader", `table('data."my.Table ""x"""', 'INSERT')`)).toBe(true);
    expect(can("reader", `table('"Odd ""s.x"" schéma"."T able"', 'MAINTAIN')`)).toBe(true);
    expect(can("reader", "sequence('data.s', 'USAGE')")).toBe(true);
    expect(can(ODD_ROLE, "database('app', 'TEMPORARY')")).toBe(true);
    expect(
      stack.sql(
        "app",
        "SELECT datacl::text LIKE '%{=%' OR datacl::text LIKE '%,=%' FROM pg_database WHERE datname = 'app'",
      ),
    ).toBe("f");
  });

  it("covers what is made later: no difference for new tables and partitions", async () => {
    stack.sql(
      "app",
      `SET ROLE owner; CREATE TABLE data.later (id int); CREATE FUNCTION data.later() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE data.events_2 PARTITION OF data.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
      SET ROLE helper; CREATE TABLE data.by_member (id int)`,
    );
    await quiet();
    expect(can("reader", "table('data.by_member', 'SELECT')")).toBe(true);
    expect(can("reader", "table('data.events_2', 'SELECT')")).toBe(true);
    expect(stack.sql("app", "SELECT has_function_privilege('writer', 'data.later()', 'EXECUTE')")).toBe("f");
  });

  it("leaves objects of extensions to these, whenever, by whom and in what steps they are made", async () => {
    stack.configure(() => {
      const reader = app().grants?.reader;
      const data = reader?.schemas?.data;
      if (data) data.functions = ["EXECUTE"];
      app().extensions = { ...app().extensions, pg_stat_statements: { schema: "data" } };
      app().grants = { ...app().grants, writer: { functions: { "data.similarity(text, text)": ["EXECUTE"] } } };
    });
    // The script of pg_stat_statements has ALTER EXTENSION in it; that of pgcrypto runs as postgres for another role.
    stack.sql(
      "app",
      `CREATE EXTENSION pg_trgm SCHEMA data VERSION '1.3'; ALTER EXTENSION pg_trgm UPDATE;
      REVOKE EXECUTE ON FUNCTION data.similarity(text, text) FROM PUBLIC;
      SET ROLE owner; CREATE EXTENSION pgcrypto SCHEMA data`,
    );
    await stack.up();
    await quiet();
    const acls = `SELECT DISTINCT e.extname, coalesce(p.proacl::text, 'default') FROM pg_proc AS p
      JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extnamespace = 'data'::regnamespace ORDER BY 1, 2`;
    expect(stack.sql("app", acls).split("\n")).toEqual([
      "hstore|default",
      "pg_stat_statements|default",
      "pg_stat_statements|{postgres=X/postgres}",
      "pg_trgm|default",
      "pg_trgm|{postgres=X/postgres,writer=X/postgres}",
      "pgcrypto|default",
    ]);
    stack.sql("app", "CREATE FUNCTION data.after() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    expect(can("reader", "function('data.after()', 'EXECUTE')")).toBe(true);
    expect(can("writer", "function('data.after()', 'EXECUTE')")).toBe(false);

    stack.configure(() => {
      const data = app().grants?.reader?.schemas?.data;
      if (data) data.functions = [];
      delete app().grants?.writer;
    });
    stack.sql("app", "DROP FUNCTION data.after(); DROP EXTENSION pgcrypto");
    await stack.up();
    expect(can("writer", "function('data.similarity(text, text)', 'EXECUTE')")).toBe(false);
    stack.configure(() => delete app().extensions?.pg_stat_statements);
    stack.sql("app", "DROP EXTENSION pg_trgm");
    await stack.up();
    await quiet();
  });

  it("takes away what was given by hand, and says so before in words", async () => {
    stack.sql(
      "app",
      `SET ROLE owner;
      GRANT INSERT ON data.t TO writer WITH GRANT OPTION;
      GRANT SELECT ON data.v TO heir WITH GRANT OPTION;
      GRANT UPDATE (secret) ON data.t TO writer;
      GRANT EXECUTE ON FUNCTION data.shut() TO PUBLIC;
      GRANT CREATE, USAGE ON SCHEMA data TO writer;
      GRANT USAGE ON SCHEMA data TO heir;
      GRANT UPDATE ON SEQUENCE data.s TO writer;
      GRANT TEMPORARY ON DATABASE app TO PUBLIC;
      ALTER DEFAULT PRIVILEGES IN SCHEMA data GRANT DELETE ON TABLES TO writer;
      RESET ROLE; SET ROLE writer;
      GRANT INSERT ON data.t TO leaver;
      GRANT INSERT (id) ON data.t TO heir;
      RESET ROLE; SET ROLE heir;
      GRANT SELECT ON data.v TO reader;
      RESET ROLE; SET ROLE leaver;
      ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO writer;`,
    );
    const preview = await stack.preview();
    expect(differing(preview)).toEqual([
      'privileges["heir: column id of table data.t"]',
      'privileges["heir: schema data"]',
      'privileges["heir: table data.v"]',
      'privileges["leaver: table data.t"]',
      'privileges["public: database"]',
      'privileges["public: function data.shut()"]',
      'privileges["writer: column secret of table data.t"]',
      'privileges["writer: schema data"]',
      'privileges["writer: sequence data.s"]',
      'privileges["writer: table data.t"]',
      'privileges["writer: tables that leaver will make"]',
      'privileges["writer: tables that owner will make in data"]',
    ]);
    const by = (words: string) =>
      `${words}${words.endsWith("database app") ? "" : " in database app"}, not declared in the stack file`;
    expect(reported(preview)).toEqual([
      by("PUBLIC loses EXECUTE on function data.shut()"),
      by("PUBLIC loses TEMPORARY on database app"),
      by("heir loses INSERT on column id of table data.t"),
      by("heir loses SELECT on table data.v"),
      by("heir loses USAGE on schema data"),
      by("leaver loses INSERT on table data.t"),
      by("writer loses CREATE, USAGE on schema data"),
      by("writer loses DELETE on future tables created by owner in data"),
      by("writer loses INSERT on table data.t"),
      by("writer loses SELECT on future tables created by leaver"),
      by("writer loses UPDATE on column secret of table data.t"),
      by("writer loses UPDATE on sequence data.s"),
    ]);
    await stack.up();
    await quiet();
    expect(can("leaver", "table('data.t', 'INSERT')")).toBe(false);
    expect(
      stack.sql(
        "app",
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'data.t'::regclass AND attacl IS NOT NULL AND attacl::text <> '{}'",
      ),
    ).toBe("0");
    expect(can("reader", "table('data.v', 'SELECT')")).toBe(true); // declared, whoever has given it
  });

  it("puts back what was revoked by hand", async () => {
    stack.sql(
      "app",
      `SET ROLE owner; REVOKE SELECT ON data.events_1 FROM reader; REVOKE ALL ON PROCEDURE data.proc(int) FROM reader;
      REVOKE CONNECT ON DATABASE app FROM reader; ALTER DEFAULT PRIVILEGES IN SCHEMA data REVOKE USAGE ON SEQUENCES FROM reader;
      REVOKE ALL ON data.t FROM owner; ALTER DEFAULT PRIVILEGES REVOKE INSERT ON TABLES FROM owner;
      RESET ROLE; REVOKE USAGE ON SCHEMA public FROM PUBLIC`,
    );
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toContain('GRANT SELECT ON TABLE data.events_1 TO "reader";');
    const back = (words: string) => `${words}, declared already, but missing`;
    const usual = (words: string) => `${words} in database app, PostgreSQL's own default, but revoked`;
    expect(reported(preview)).toEqual([
      usual("PUBLIC gains USAGE on schema public"),
      usual("owner gains DELETE, MAINTAIN, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE on table data.t"),
      usual("owner gains INSERT on table data.t; on future tables created by owner,"),
      back("reader gains CONNECT on database app"),
      back("reader gains EXECUTE on function data.proc(integer) in database app"),
      back("reader gains SELECT on table data.events_1 in database app"),
      back("reader gains USAGE on future sequences created by owner in data in database app"),
    ]);
    expect(differing(preview)).toEqual([
      'privileges["reader: all sequences in data"]',
      'privileges["reader: all tables in data"]',
      'privileges["reader: database"]',
      'privileges["reader: function data.proc(int)"]',
      'privileges["revoked from owner: table data.t"]',
      'privileges["revoked from owner: tables that owner will make"]',
      'privileges["revoked from public: schema public"]',
    ]);
    await stack.up();
    await quiet();
    expect(can("owner", "table('data.t', 'REFERENCES')")).toBe(true);
    expect(can("reader", "table('data.events_1', 'SELECT')")).toBe(true);
  });

  it("refuses a grant on what does not exist, before anything is changed", async () => {
    stack.configure(() => {
      app().grants = { ...app().grants, writer: { database: ["CONNECT"], tables: { "data.nothing": ["SELECT"] } } };
    });
    const { code, text } = await stack.preview();
    expect(code).not.toBe(0);
    expect(text).toContain("database app has no table data.nothing; a grant in the stack file names it");
    const up = await stack.tryUp();
    expect(up.code).not.toBe(0);
    expect(up.text).toContain("database app has no table data.nothing");
    expect(can("writer", "database('app', 'CONNECT')")).toBe(false);
    stack.configure(() => delete app().grants?.writer);
    await quiet();
  });

  it("refuses a privilege that the object cannot have", async () => {
    stack.configure(() => {
      app().grants = { ...app().grants, writer: { tables: { "data.t": ["EXECUTE" as never], nodot: ["SELECT"] } } };
    });
    expect((await stack.preview()).messages.join()).toMatch(/grants\.writer\.tables\["data\.t"\]\[0\].*EXECUTE/);
    stack.configure(() => (app().grants = { ...app().grants, writer: { tables: { nodot: ["SELECT"] } } }));
    expect((await stack.preview()).messages.join()).toContain("write schema.name");
    stack.configure(() => delete app().grants?.writer);
  });

  it("reports what nobody declared and leaves it, if that is wanted, but takes back what it has given itself", async () => {
    stack.sql("app", "SET ROLE owner; GRANT DELETE ON data.t TO writer");
    stack.configure(() => {
      app().undeclared = "report";
      const { reader } = app().grants ?? {};
      if (reader) reader.functions = {};
    });
    expect(reported(await stack.preview())).toEqual([
      expect.stringMatching(/^reader loses EXECUTE on 6 of 8 functions of data \(.*\), in database app$/),
    ]);
    const up = await stack.up();
    expect(up).toContain("not declared in the stack file, and not revoked: writer: table data.t: DELETE");
    expect(can("writer", "table('data.t', 'DELETE')")).toBe(true);
    expect(can("reader", "function('data.proc(int)', 'EXECUTE')")).toBe(false);
    const { changes, messages } = await stack.preview();
    expect(changes).toEqual([]);
    expect(messages.join("\n")).toContain("not declared in the stack file: writer: table data.t: DELETE");

    stack.configure(() => (app().undeclared = "revoke"));
    const back = await stack.preview();
    expect(reported(back)).toEqual([
      "writer loses DELETE on table data.t in database app, not declared in the stack file",
    ]);
    expect(back.messages.join("\n")).toContain('REVOKE DELETE ON TABLE data.t FROM "writer" CASCADE;');
    await stack.up();
    expect(can("writer", "table('data.t', 'DELETE')")).toBe(false);
    await quiet();
  });

  it("is reconciled whenever migrations have run, also if these fail, and an update says who gains and loses what", async () => {
    const folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    const table = 'data."my.Table ""x"""';
    writeFileSync(
      join(folder, "001_anew.sql"),
      `-- migrate:up\nDROP TABLE ${table};\nCREATE TABLE ${table} (id int);\nGRANT SELECT ON ${table} TO writer;\n`,
    );
    stack.configure(() => (app().migrations = { folder }));
    const preview = await stack.preview();
    expect(preview.changes.map(({ op, kind }) => `${op} ${kind}`).sort()).toEqual([
      "create Migrations",
      "update Access",
    ]);
    expect(preview.messages.join("\n")).toContain(
      "privileges of database app are reconciled again after the migrations; undeclared privileges that a migration grants are revoked",
    );
    const text = await stack.up();
    expect(text).toContain(
      'ACCESS: writer loses SELECT on table data.my.Table "x" in database app, not declared in the stack file',
    );
    expect(text).toContain('ACCESS: reader gains INSERT on table data.my.Table "x" in database app');
    expect(can("reader", `table('${table}', 'INSERT')`)).toBe(true);
    expect(can("writer", `table('${table}', 'SELECT')`)).toBe(false);
    await quiet();

    writeFileSync(
      join(folder, "002_fails.sql"),
      "-- migrate:up transaction:false\nGRANT SELECT ON data.t TO writer;\nSELECT 1 / 0;\n",
    );
    const failed = await stack.tryUp();
    expect(failed.code).not.toBe(0);
    expect(failed.text).toContain(
      "ACCESS: writer loses SELECT on table data.t in database app, not declared in the stack file",
    );
    expect(can("writer", "table('data.t', 'SELECT')")).toBe(false);
  });

  it("settles any set of grants at once, whatever was there before", async () => {
    const host = new Host(stack.container);
    const object = fc.oneof(
      fc.constantFrom<Grant["on"]>(
        { kind: "database", schema: "", name: "app" },
        { kind: "schema", schema: "data", name: "data" },
        { kind: "table", schema: "data", name: 'my.Table "x"' },
        { kind: "table", schema: ODD_SCHEMA, name: "T able" },
        { kind: "sequence", schema: "data", name: "s" },
        { kind: "function", schema: "data", name: "None()" },
        { kind: "function", schema: "data", name: "total(int)" },
      ),
      fc.record({ all: fc.constantFrom("table", "sequence", "function"), schema: fc.constantFrom("data", ODD_SCHEMA) }),
    );
    const grants = fc.array(
      fc.tuple(fc.constantFrom("reader", "writer", "heir", "public", ODD_ROLE), object).chain(([role, on]) => {
        const kind = ("all" in on ? on.all : on.kind) as keyof typeof PRIVILEGES;
        return fc
          .subarray<string>([...PRIVILEGES[kind]], { minLength: 1 })
          .map((privileges) => ({ role, on, privileges }) as Grant);
      }),
      { maxLength: 12 },
    );
    const inputs = (wanted: Grant[]): AccessInputs => ({
      database: "app",
      owner: "owner",
      schemas: ["public", "data", ODD_SCHEMA],
      dropSchemas: [],
      creators: ["owner", "postgres"],
      roles: [],
      undeclared: "revoke",
      migrations: [],
      privileges: {},
      grants: wanted,
    });
    const has = async (client: Client, { role, on, privileges }: Grant) => {
      if (role === "public" || "all" in on || on.kind !== "table") return true;
      const { rows } = await client.query(
        "SELECT has_table_privilege($1, format('%I.%I', $2::text, $3::text), $4) AS it",
        [role, on.schema, on.name, privileges.join(",")],
      );
      return rows[0].it as boolean;
    };
    await withDatabase(host, "app", (client) =>
      fc.assert(
        fc.asyncProperty(grants, async (wanted) => {
          await reconcile(client, inputs(wanted), undefined);
          expect((await reconcile(client, inputs(wanted), undefined)).done, wanted.map(labelOf).join("; ")).toEqual([]);
          for (const grant of wanted) expect(await has(client, grant), labelOf(grant)).toBe(true);
        }),
        { numRuns: 25 },
      ),
    );
  });
});
