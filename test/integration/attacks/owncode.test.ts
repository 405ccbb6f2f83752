import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "../stack";

// Code that the owner of a table has put into it, run by what pgwright does with the table: none of it may do more than its owner.

/**
 * What the owner plants: everywhere the same function, which looks whether the session that runs it leads to a superuser, and stops
 * whatever it is if so. What PostgreSQL runs itself as the owner, in a security-restricted operation, leads nowhere.
 */
const TRAP = `
  CREATE FUNCTION data.trap(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
  DECLARE
    v_super boolean := false;
  BEGIN
    BEGIN
      v_super := (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);
      PERFORM set_config('role', 'none', true);
      v_super := v_super OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user);
      RAISE EXCEPTION 'back';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    IF v_super THEN
      RAISE EXCEPTION 'CODE OF AN OWNER RUNS AS MORE THAN ITS ROLE';
    END IF;
    RETURN value;
  END $$;
  CREATE FUNCTION data.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM data.trap(1); RETURN coalesce(NEW, OLD); END $$;
  CREATE FUNCTION data.seize() RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    BEGIN PERFORM set_config('role', 'none', false); EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
    RETURN (SELECT NOT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user);
  END $$;`;

/** All places of a table from which a function is called. */
const plant = (table: string) => `
  ALTER TABLE ${table} ADD CHECK (data.trap(id) = id) NOT VALID;
  ALTER TABLE ${table} ADD trapped bigint DEFAULT data.trap(7);
  ALTER TABLE ${table} ADD generated bigint GENERATED ALWAYS AS (data.trap(1)) STORED;
  CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION data.trap();
  CREATE INDEX ON ${table} ((data.trap(id)));
  CREATE INDEX ON ${table} (id) WHERE data.trap(3) = 3;
  ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
  ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
  CREATE POLICY trap ON ${table} USING (data.trap(id) = id);`;

describe("code that the owner of a table has put into it", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await TestStack.create({
      roles: { owner: { login: true }, other: {} },
      passwords: { owner: "password of owner" },
      databases: { app: { owner: "owner", schemas: { data: {} }, extensions: { vector: {} } } },
      backup: { dumps: {} },
    });
    await stack.up();
    await asOwner(
      `${TRAP}
       CREATE TABLE data.t (id bigint PRIMARY KEY, name text);
       ${plant("data.t")}
       INSERT INTO data.t (id, name) SELECT n, 'name ' || n FROM generate_series(1, 100) AS n;
       CREATE VIEW data.v AS SELECT data.trap(id) AS id FROM data.t`,
    );
  });
  afterAll(() => stack.dispose());

  async function asOwner(sql: string): Promise<void> {
    const client = await stack.connect("owner", "password of owner", "app");
    await client.query(sql).finally(() => client.end());
  }
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  /** Nobody became a superuser, and no role of a run is left. */
  const nobody = (database = "app") =>
    expect(stack.sql(database, "SELECT rolname FROM pg_roles WHERE rolname ~ '^(got_it|pgwright_run)'")).toBe("");

  it("is found by the test itself: a superuser's session runs it", () => {
    expect(() => stack.sql("app", "SELECT count(*) FROM data.v")).toThrow(/AS MORE THAN ITS ROLE/);
    expect(() => stack.sql("app", "SELECT count(*) FROM data.t WHERE id = 3")).toThrow(/AS MORE THAN ITS ROLE/);
  });

  it("is run by the mask of a copy as the owner", async () => {
    const file = join(stack.folder, "mask.sql");
    writeFileSync(
      file,
      "UPDATE data.t SET name = 'nobody';\nINSERT INTO data.t (id) VALUES (0);\nSELECT data.seize();\n",
    );
    stack.configure(({ databases }) => {
      databases!.copy = {
        owner: "other",
        copyOf: { database: "app", run: [file] },
        schemas: { data: { owner: "owner" } },
      };
    });
    expect(await stack.up()).toMatch(/run in it: \S+mask\.sql \(3 statements\), as role owner/);
    nobody();
  });

  it("is run by a drill as the owner, in the copy and at the mark", async () => {
    stack.configure(({ backup }) => {
      backup!.drill = {
        checks: [
          { database: "app", query: "SELECT count(*) = 100 FROM data.v" },
          { database: "app", query: "SELECT data.seize()" },
          { database: "app", query: "SELECT session_user <> 'postgres' AND current_user = 'owner'" },
          { database: "app", query: "SELECT session_user = 'postgres'", role: "postgres" },
          { database: "app", query: "SELECT count(*) > 1000 FROM data.t" }, // not yet
        ],
        tables: { app: ["data.t", "data.v"] },
      };
    });
    const text = await stack.up();
    expect(text).toMatch(/SELECT count\(\*\) > 1000 FROM data\.t: not yet: f, as on the server/);
    expect(agent("grep", "-c", "rows of data.[tv] in app\tt\t100", "/var/lib/pgwright/drill-checks.tsv")).toBe("2");
    nobody();
    const { code } = await stack.cli("drill");
    expect(code).not.toBe(0);
    expect(agent("grep", "-P", "\tf\t", "/var/lib/pgwright/drill-checks.tsv")).toMatch(
      /^\S+\tSELECT count\(\*\) > 1000 FROM data.t\tf\tf$/,
    );
    nobody();
  });
});
