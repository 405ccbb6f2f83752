import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "../stack";
import { ForeignServer } from "./foreign-server";

// POSTGRES_USER=app, as compose files have it, and an image with nothing but PostgreSQL.
describe("a server whose superuser is its application", () => {
  let source: ForeignServer;
  let stack: TestStack;
  beforeAll(async () => {
    source = await ForeignServer.start("compose", [], "app");
    docker("exec", "--user", "root", source.name, "rm", "/usr/bin/socat");
    source.sql("postgres", "ALTER ROLE app PASSWORD 'from the compose file'; ALTER ROLE app SET lock_timeout = '3s'");
    source.sql("postgres", "CREATE ROLE viewer LOGIN PASSWORD 'viewer'; CREATE DATABASE shop");
    source.sql("shop", "CREATE SCHEMA data; CREATE TABLE data.carts AS SELECT generate_series(1, 500) AS n");
    source.sql("shop", "GRANT USAGE ON SCHEMA data TO viewer; GRANT SELECT ON data.carts TO viewer");
    source.sql("shop", "ALTER DEFAULT PRIVILEGES IN SCHEMA data GRANT SELECT ON TABLES TO viewer");
    source.sql("shop", "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC");
    source.sql(
      "shop",
      "CREATE TABLE data.done (version varchar PRIMARY KEY); INSERT INTO data.done VALUES ('001'), ('002')",
    );
    stack = await TestStack.create();
  });
  afterAll(async () => {
    await stack?.dispose();
    source?.stop();
  });

  it("is taken over: postgres owns what it owned, and it goes on as a role of its name", async () => {
    const { code, text } = await stack.cli("adopt", "--from", source.name, "--port", String(stack.port), "--force");
    expect(code, text).toBe(0);
    expect(text).toContain("roles.app: superuser app is renamed to postgres and keeps its objects");
    expect(text).toContain(
      'databases.shop: data.done is the ledger of dbmate: 2 versions from 001 to 002 count as applied once migrations.folder is declared; before the first update, declare migrations: {folder: FOLDER, baseline: "002"}',
    );
    const file = readFileSync(stack.env.PULUMI_OPTION_CONFIG_FILE as string, "utf8");
    expect(file).toContain("memberOf: [postgres]\n      settings:\n        lock_timeout: 3s\n");
    expect(file).toContain("shop:\n      owner: postgres\n");
    await stack.up();
    const client = await stack.connect("app", "from the compose file", "shop");
    const { rows } = await client.query(
      "SELECT count(*)::int, current_setting('lock_timeout') AS timeout FROM data.carts",
    );
    expect(rows).toEqual([{ count: 500, timeout: "3s" }]);
    await client.query("INSERT INTO data.carts VALUES (501)");
    await client.query("ALTER TABLE data.carts ADD COLUMN at timestamptz");
    // What it makes has the privileges that it had as superuser.
    await client.query("CREATE TABLE data.later AS SELECT 7 AS n");
    await client.query("CREATE FUNCTION data.f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    await client.end();
    const viewer = await stack.connect("viewer", "viewer", "shop");
    expect((await viewer.query("SELECT max(n) FROM data.carts")).rows).toEqual([{ max: 501 }]);
    expect((await viewer.query("SELECT n FROM data.later")).rows).toEqual([{ n: 7 }]);
    await expect(viewer.query("SELECT data.f()")).rejects.toThrow(/permission denied/);
    await viewer.end();
    expect(
      stack.sql("shop", "SELECT rolname || rolsuper FROM pg_roles WHERE rolname IN ('app', 'postgres') ORDER BY 1"),
    ).toBe("appfalse\npostgrestrue");
    const again = await stack.unchanged();
    expect(again.code, again.text).toBe(0);
    expect(source.sql("shop", "SELECT max(n) FROM data.carts")).toBe("500");
  });
});
