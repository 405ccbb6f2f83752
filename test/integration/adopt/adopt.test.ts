import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack, type Run } from "../stack";
import { ForeignServer } from "./foreign-server";

/** All that a dump says of a server but its rows and what is pgwright's own; the superuser's password is reported to be another. */
function catalog(container: string, user = "postgres"): string[] {
  const lines = docker("exec", container, "pg_dumpall", "--username", user, "--schema-only")
    .replaceAll(/^CREATE FUNCTION pgwright\.[^]*?\$\$;\n/gm, "")
    .replaceAll(/^(?:CREATE|ALTER)(?: [A-Z]+)+ pgwright[^;]*;\n/gm, "")
    .split("\n");
  return lines.filter((line) => !/^(--|\\restrict|\\unrestrict|$)/.test(line) && !/^ALTER ROLE postgres /.test(line));
}

/** The statements that an adoption has reported, with the key of the stack file that they belong to. */
function toldChanges({ text }: Run): { at: string[]; sql: string }[] {
  const [, section = ""] = /the first update changes, besides the copy:\n((?: {2}.*\n)*)/.exec(text) ?? [];
  return [...section.matchAll(/^ {2}(\w+)\.([^:]+): (.*)$/gm)].map(([, kind = "", name = "", sql = ""]) => ({
    at: [kind, name],
    sql,
  }));
}

describe("a server that others have made", () => {
  let source: ForeignServer;
  let stack: TestStack;
  let before: string[];
  let adopted: Run;
  beforeAll(async () => {
    const settings = ["shared_preload_libraries=pg_cron,pg_stat_statements", "max_connections=60", "wal_level=logical"];
    source = await ForeignServer.start("source", settings);
    for (const each of ["work_mem = '12MB'", "archive_timeout = '1h'", "log_min_duration_statement = 250"])
      source.sql("postgres", `ALTER SYSTEM SET ${each}`);
    source.restart();
    source.sql("postgres", readFileSync(join(__dirname, "shop.sql"), "utf8"));
    before = catalog(source.name);
    stack = await TestStack.create();
    adopted = await stack.cli("adopt", "--from", source.name, "--port", String(stack.port), "--force");
  });
  afterAll(async () => {
    await stack?.dispose();
    source?.stop();
  });
  const file = () => readFileSync(stack.env.PULUMI_OPTION_CONFIG_FILE as string, "utf8");
  const enters = async (user: string, password: string, database = "shop") =>
    (await stack.connect(user, password, database)).end();

  it("is read, and not changed", () => {
    expect(adopted.code, adopted.text).toBe(0);
    expect(catalog(source.name)).toEqual(before);
  });

  it("is declared with limits, settings, roles, privileges and jobs", () => {
    const text = file();
    for (const part of [
      "memory: 1400MB\n    cpus: 1\n    connections: 60\n",
      "settings:\n      log_min_duration_statement: 250ms\n      wal_level: logical\n      work_mem: 12MB\n",
      `running: ${source.name}`,
      "app:\n      login: true\n      password: keep\n      memberOf: [writers]\n      searchPath: [shop, Odd Schema, public]\n",
      "nightly:\n      login: true\n      password: false\n      memberOf: [pg_monitor, shop_owner]",
      "readers:\n          database: [CONNECT]\n          schemas:\n            shop:\n              schema: [USAGE]\n              tables: [SELECT]\n",
      "Odd Schema.odd.table: [SELECT]",
      "tidy:\n          schedule: 15 3 * * *\n",
    ])
      expect(text).toContain(part);
    expect(text).not.toMatch(/app before|SCRAM-SHA-256/);
  });

  it("has all reported that is not declared, on the terminal and in the file", () => {
    for (const reported of [
      'the rule "host all intruder all reject" of pg_hba.conf is not declared: a role that it rejects can connect',
      "superuser root is not managed",
      "its password is stored as md5",
      "archive_timeout is not declared: declare backup",
      "privilege on a parameter SET on log_statement for maker is not managed",
      "database of_root is not managed: its owner root",
      "database postgres: 1 tables, views and functions are not managed",
      "database scratch is not managed: it is a template",
      "schema hidden and the privileges in it are not managed",
      "extension hstore is not managed",
      "setting TimeZone=Europe/Berlin of database shop",
      "event trigger watch",
      "foreign server files",
      "large object with privileges 4711",
      "privilege on a type shop.size",
      "publication everything",
      "unlogged table public.cache is empty in the copy",
      "partitions of shop.events are not managed",
      'partitions: {sets: {"shop.orders": {interval: 1 month}}}',
      "job in-postgres (0 4 * * *, as postgres: VACUUM) is not declared and stays inactive",
      "job job-4 (30 seconds, as postgres: SELECT 1) is not declared and stays inactive: its database postgres is not declared",
      "job tidy is declared inactive",
      "nightly: column name of table shop.customers: SELECT, UPDATE is undeclared and kept",
      "nightly: table shop.names: SELECT WITH GRANT OPTION is undeclared and kept",
      "reports: tables that maker will make: TRIGGER is undeclared and kept",
    ]) {
      expect(adopted.text).toContain(reported);
      expect(file()).toContain(reported);
    }
  });

  it("is copied by the first up, with all its rows, and nothing is to do after it", async () => {
    const { code, text, messages } = await stack.preview();
    expect(code, text).toBe(0);
    expect(messages.join("\n")).toMatch(/COPY of the running server \S+-source at the time of the update/);
    await stack.up();
    expect(stack.sql("shop", "SELECT count(*) FROM shop.customers")).toBe("3000");
    expect(stack.sql("shop", "SELECT count(*) FROM shop.orders")).toBe("800");
    expect(stack.sql("wide", "SELECT sum(n) FROM things")).toBe("500500");
    expect(stack.sql("postgres", "SELECT count(*) FROM cron.job WHERE NOT active")).toBe("4");
    const again = await stack.unchanged();
    expect(again.code, again.text).toBe(0);
  });

  it("differs from the copy by nothing but what was reported", () => {
    const changes = toldChanges(adopted);
    expect(changes.length).toBeGreaterThan(3);
    expect(before.length).toBeGreaterThan(150);
    for (const { at, sql } of changes) source.sql(at[0] === "databases" ? (at[1] as string) : "postgres", `${sql};`);
    expect(catalog(stack.container)).toEqual(catalog(source.name));
  });

  it("lets its clients in with their passwords, whatever they become", async () => {
    await enters("app", "app before");
    await enters("reports", "reports before", "wide");
    await enters("Back Office", "back office");
    stack.sql("postgres", "ALTER ROLE app PASSWORD 'by hand'");
    await enters("app", "by hand");
    const same = await stack.unchanged();
    expect(same.code, same.text).toBe(0);
    stack.sql("postgres", "ALTER ROLE app PASSWORD NULL");
    const none = await stack.preview("--refresh");
    expect(none.code).not.toBe(0);
    expect(none.messages.join("\n")).toContain("password: keep: role app has no password to keep");
  });
});
