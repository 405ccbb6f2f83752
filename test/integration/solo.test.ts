import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { StackInput } from "../../config/stack";
import { TestStack } from "./stack";

const ROOT = join(__dirname, "..", "..");
const TESTS = join(ROOT, "sql", "solo", "tests");

describe("the stack of the quick start", () => {
  let stack: TestStack;
  beforeAll(async () => {
    const { config } = parse(readFileSync(join(ROOT, "Pulumi.dev.yaml"), "utf8")) as {
      config: Record<string, unknown>;
    };
    const entries = Object.entries(config).map(([key, value]) => [key.replace("pgwright:", ""), value]);
    const written = Object.fromEntries(entries) as StackInput;
    // Smaller than at home, and on a port of its own.
    const { cronDatabase } = written.server ?? {};
    stack = await TestStack.create({ ...written, server: { cronDatabase } });
    await stack.up();
  });
  afterAll(() => stack.dispose());

  it.each(readdirSync(TESTS).filter((file) => file.endsWith(".sql")))("passes %s", (file) => {
    const psql = [
      "exec",
      "-i",
      stack.container,
      "psql",
      "-X",
      "-q",
      "-v",
      "ON_ERROR_STOP=1",
      "-U",
      "postgres",
      "-d",
      "solo",
    ];
    const { status, stderr } = spawnSync("docker", psql, { input: readFileSync(join(TESTS, file)), encoding: "utf8" });
    expect(status, stderr).toBe(0);
  });

  // Who may do what: role, statement, and whether PostgreSQL lets it.
  it.each([
    ["readonly_role", "SELECT count(*) FROM metrics.system_metrics", true],
    ["readonly_role", "SELECT count(*) FROM models.models", true],
    ["readonly_role", "SELECT count(*) FROM rag.documents", true],
    ["readonly_role", "SELECT count(*) FROM metrics.partition_overview", true],
    ["readonly_role", "INSERT INTO models.models DEFAULT VALUES", false],
    ["readonly_role", "DELETE FROM metrics.llm_metrics", false],
    ["readonly_role", "SELECT count(*) FROM users.users", false],
    ["readonly_role", "CREATE TABLE metrics.mine (id int)", false],
    ["readonly_role", "CREATE TEMPORARY TABLE mine (id int)", false],
    ["readonly_role", "SELECT metrics.collect_system_metrics()", false],
    ["app", "SELECT count(*) FROM users.users", true],
    ["app", "UPDATE users.users SET email = email", true],
    ["app", "DELETE FROM users.messages", true],
    ["app", "SELECT '[1,2]'::extensions.vector OPERATOR(extensions.<->) '[1,3]'", true],
    ["app", "CREATE TEMPORARY TABLE mine (id int)", true],
    ["app", "TRUNCATE users.messages", false],
    ["app", "SELECT count(*) FROM metrics.system_metrics", false],
    ["app", "CREATE TABLE users.mine (id int)", false],
    ["app", "CREATE TABLE public.mine (id int)", false],
    ["app", "SET ROLE solo_owner", false],
    ["analyst", "SELECT count(*) FROM metrics.system_metrics", true],
    ["analyst", "SELECT count(*) FROM users.users", false],
    ["partition_keeper", "SET ROLE solo_owner", true],
    ["metrics_collector", "SELECT count(*) FROM metrics.system_metrics", true],
    ["metrics_collector", "DELETE FROM metrics.system_metrics", false],
    ["metrics_collector", "SELECT count(*) FROM users.users", false],
  ])("lets %s %s: %s", (role, statement, allowed) => {
    const act = () => stack.sql("solo", `BEGIN; SET LOCAL SESSION AUTHORIZATION ${role}; ${statement}; ROLLBACK`);
    if (allowed) expect(act).not.toThrow();
    else expect(act).toThrow(/permission denied|must be/);
  });

  it("collects a row a minute into the partition of the month, and stays as the stack file says", async () => {
    const rows = () => stack.sql("solo", "SELECT count(*) > 0 FROM metrics.system_metrics");
    for (let tries = 0; tries < 45 && rows() === "f"; tries += 1) await sleep(2000);
    expect(rows()).toBe("t");
    // The row's partition says by its bounds what it is for; the DEFAULT partition has none.
    const bounds = stack.sql(
      "solo",
      `
      SELECT DISTINCT pg_get_expr(relpartbound, c.oid) FROM metrics.system_metrics AS m JOIN pg_class AS c ON c.oid = m.tableoid`,
    );
    const month = new Date().toISOString().slice(0, 7);
    expect(bounds).toContain(`FROM ('${month}-01 00:00:00+00')`);
    const created = stack.sql(
      "solo",
      "SET ROLE partition_keeper; SET ROLE solo_owner; SELECT count(*) FROM metrics.create_future_partitions(5)",
    );
    expect(Number(created)).toBeGreaterThan(0);
    expect(stack.sql("solo", "SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'")).toBe("0");
    const { changes } = await stack.preview();
    expect(changes.map(({ urn }) => urn)).toEqual([]);
  });
});
