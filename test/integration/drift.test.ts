import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Drift } from "../../report/drift";
import type { Report } from "../../report/report";
import { TestStack } from "./stack";

describe("drift and reports", () => {
  let stack: TestStack;
  const folder = mkdtempSync(join(tmpdir(), "pgwright-test-reports-"));
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    stack = await TestStack.create({
      server: { cronDatabase: "app" },
      roles: { owner: { login: true }, reader: { login: true, connectionLimit: 5 } },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {} },
          extensions: { pg_trgm: {} },
          grants: { reader: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE"], tables: ["SELECT"] } } } },
          jobs: {
            tidy: { schedule: "0 3 * * *", command: "SELECT 1" },
            count: { schedule: "0 4 * * *", command: "SELECT 2" },
          },
        },
        legacy: { owner: "owner", undeclared: "report" },
      },
    });
    await stack.up();
    stack.sql("app", "CREATE TABLE data.t (n int)");
    await stack.up();
  }, 900_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stack?.dispose();
  });

  it("is quiet where nobody has changed anything, and where only the stack file is another", async () => {
    const { code, text } = await stack.cli("drift");
    expect(text).toContain("no drift since the last update");
    expect(code).toBe(0);
    stack.configure((config) => (config.databases!.app!.jobs!.count!.schedule = "0 5 * * *"));
    expect((await stack.cli("drift")).code).toBe(0);
  });

  it("finds letters outside ASCII, and warns of a database that does not", async () => {
    const words = () =>
      stack.sql(
        "app",
        "SELECT to_tsvector('simple', 'ПРИВЕТ') @@ to_tsquery('simple', 'привет'), array_length(show_trgm('привет'), 1)",
      );
    const ctype = (value: string) =>
      stack.sql("app", `UPDATE pg_database SET datctype = '${value}' WHERE datname = 'app'`);
    expect(words()).toBe("t|7");
    ctype("C");
    expect(words()).toBe("f|");
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /database app: LC_CTYPE is C, so pg_trgm and text search ignore letters outside ASCII; UPDATE pg_database SET datctype = 'C.UTF-8'/,
    );
    ctype("C.UTF-8");
    expect(words()).toBe("t|7");
    expect((await stack.preview()).messages.join("\n")).not.toContain("LC_CTYPE");
  });

  it("tells what was changed by hand, and what nobody has declared", async () => {
    const before = JSON.stringify(await stack.state());
    for (const statement of [
      "ALTER ROLE reader CONNECTION LIMIT 7",
      "ALTER SCHEMA data OWNER TO postgres",
      "GRANT DELETE ON data.t TO reader",
      "REVOKE REFERENCES ON data.t FROM postgres",
      "GRANT TEMPORARY ON DATABASE legacy TO reader",
      "DELETE FROM cron.job WHERE jobname = 'tidy'",
      "CREATE ROLE intruder LOGIN SUPERUSER",
      "CREATE DATABASE scratch",
      "CREATE SCHEMA attic",
      "CREATE EXTENSION hstore",
      "SELECT cron.schedule('sneaky', '0 3 * * *', 'VACUUM')",
      "ALTER DATABASE app SET work_mem = '64MB'",
    ])
      stack.sql("app", statement);
    const { code, text } = await stack.cli("drift", "--report", file("drift.json"), "--report", file("drift.md"));
    expect(code, text).toBe(2);
    const { changed, undeclared } = JSON.parse(readFileSync(file("drift.json"), "utf8")) as Drift;
    expect(changed.map(({ kind, name, gone }) => `${kind} ${name}${gone ? " gone" : ""}`).sort()).toEqual([
      "Access app",
      "Access legacy",
      "CronJob tidy gone",
      "Role reader",
      "Schema app.data",
    ]);
    expect(changed.find(({ kind }) => kind === "Role")?.values).toEqual([
      { path: "connectionLimit", before: 5, after: 7 },
    ]);
    const access = changed.filter(({ kind }) => kind === "Access").flatMap(({ values }) => values);
    // Databases are refreshed in any order.
    expect(access.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'further["reader: database"]', after: "TEMPORARY" },
      { path: 'privileges["reader: table data.t"]', after: "DELETE" },
      { path: 'privileges["revoked from postgres: table data.t"]', after: "REFERENCES" },
    ]);
    expect(undeclared.map(({ kind, name, database }) => [kind, name, database])).toEqual([
      ["Database", "scratch", undefined],
      ["Role", "intruder", undefined],
      ["Setting", "app", undefined],
      ["Extension", "hstore", "app"],
      ["Schema", "attic", "app"],
      ["CronJob", "sneaky", "app"],
    ]);
    expect(text).toMatch(/\+ Role intruder \(a superuser\)/);
    expect(readFileSync(file("drift.md"), "utf8")).toContain("-   connectionLimit: 5\n+   connectionLimit: 7");
    expect(JSON.stringify(await stack.state())).toBe(before);
  });

  it("stands in the report of a preview apart from what the stack file changes", async () => {
    stack.configure((config) => (config.server = { ...config.server, settings: { max_locks_per_transaction: 100 } }));
    const { code, text } = await stack.cli("preview", "--report", file("preview.json"), "--report", file("preview.md"));
    expect(code, text).toBe(0);
    const report = JSON.parse(readFileSync(file("preview.json"), "utf8")) as Report;
    expect(report.changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      `Configuration ${stack.container}-config`,
      `Server ${stack.container}`,
      "CronJob count",
    ]);
    expect(report.putBack.map(({ kind, name, op }) => `${op} ${kind} ${name}`).sort()).toEqual([
      "create CronJob tidy",
      "update Access app",
      "update Role reader",
      "update Schema app.data",
    ]);
    expect(report.hazards.restart.map((reported) => reported.text)).toEqual(["max_locks_per_transaction 64 -> 100"]);
    const markdown = readFileSync(file("preview.md"), "utf8");
    expect(markdown).toMatch(/^## `.*`: \*\*Restart\*\*.*3 to update, 4 to revert\n/);
    expect(text).toContain("RESTART: max_locks_per_transaction 64 -> 100");
    // As was said: then all is as declared, but for what nobody has.
    await stack.up("--refresh");
    expect((await stack.cli("drift", `--report=${file("after.json")}`)).code).toBe(2);
    const after = JSON.parse(readFileSync(file("after.json"), "utf8")) as Drift;
    expect(after.changed).toEqual([]);
    expect(after.undeclared.length).toBe(6);
    stack.configure((config) => {
      config.drift = { ignore: ["Role intruder", "Database scratch", "Setting app", "hstore", "attic", "sneaky"] };
    });
    expect((await stack.cli("drift")).text).toContain("no drift since the last update");
  });

  it("stops an update that is held to a preview from before it", async () => {
    stack.configure(({ databases }) => (databases!.app!.jobs!.tidy!.schedule = "0 6 * * *"));
    const plan = file("plan.json");
    expect((await stack.cli("preview", "--save-plan", plan)).code).toBe(0);
    stack.sql("app", "ALTER ROLE reader CONNECTION LIMIT 9");
    const { code, text } = await stack.cli("up", "--plan", plan);
    expect(code).not.toBe(0);
    expect(text).toContain("update is not allowed by the plan: this resource is constrained to same");
    expect(stack.sql("app", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'reader'")).toBe("9");
    // Made up in the update: a plan holds no password.
    stack.configure(({ roles }) => (roles!.newcomer = { login: true }));
    expect((await stack.cli("preview", "--save-plan", plan)).code).toBe(0);
    expect(readFileSync(plan, "utf8")).not.toContain("SCRAM-SHA-256");
    const held = await stack.cli("up", "--plan", plan);
    expect(held.code, held.text).toBe(0);
    expect(stack.sql("app", "SELECT count(*) FROM pg_authid WHERE rolname = 'newcomer' AND rolpassword <> ''")).toBe(
      "1",
    );
    expect(stack.sql("app", "SELECT schedule FROM cron.job WHERE jobname = 'tidy'")).toBe("0 6 * * *");
    expect(stack.sql("app", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'reader'")).toBe("5");
  });

  it("tells why a change is refused", async () => {
    stack.configure((config) => (config.server = { ...config.server, restartPolicy: "forbid", settings: {} }));
    const { code } = await stack.cli("preview", "--report", file("refused.md"));
    expect(code).not.toBe(0);
    expect(readFileSync(file("refused.md"), "utf8")).toMatch(
      /\*\*refused\*\*[^]*### Refused\n\n```\nServer \S+: [^]*max_locks_per_transaction 100 -> 64 \(default\): needs a restart/,
    );
  });

  it("does not take what it cannot write", async () => {
    const { code, text } = await stack.cli("drift", "--report", "drift.txt");
    expect(code).toBe(1);
    expect(text).toContain('--report "drift.txt": unknown format; name a file that ends with .md or .json');
    expect((await stack.cli("drift", "--refresh")).text).toContain("drift: unknown option '--refresh'");
  });
});
