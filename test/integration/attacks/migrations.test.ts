import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Host } from "../../../provider/host";
import { withRunRole } from "../../../provider/run-role";
import { TestStack } from "../stack";

// Code that others own, run by a migration: none of it may do more than the role that the migration runs as.

/** Ways back to the authenticated user of a session, and what its superuser could do. */
const ATTACK = `
  BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'SET SESSION AUTHORIZATION DEFAULT'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN PERFORM set_config('role', 'postgres', false); EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'SET ROLE NONE'; EXECUTE 'CREATE ROLE got_it SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;`;

describe("the session of a run", () => {
  let stack: TestStack;
  let host: Host;
  beforeAll(async () => {
    stack = await TestStack.create({
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
});
