import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "./in-process-stack";

type Jobs = Record<string, { schedule: string; command: string; role?: string; active?: boolean }>;

describe("cron jobs", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { cronDatabase: "app" },
      roles: {
        owner: {},
        worker: { login: true, password: false },
        other: { login: true, password: false },
        stranger: { login: true, password: false },
      },
      databases: {
        app: { owner: "owner", grants: { worker: { database: ["CONNECT"] }, other: { database: ["CONNECT"] } } },
        second: {
          owner: "owner",
          schemas: { data: { owner: "worker" } },
          grants: { worker: { database: ["CONNECT"] }, other: { database: ["CONNECT"] } },
          jobs: { tick: { schedule: "1 second", command: "INSERT INTO data.ticks DEFAULT VALUES", role: "worker" } },
        },
      },
    });
    await stack.up();
    stack.sql(
      "second",
      "SET ROLE worker; CREATE TABLE data.ticks (at timestamptz DEFAULT clock_timestamp(), by text DEFAULT current_user)",
    );
  });
  afterAll(() => stack.dispose());

  const jobs = () => stack.config.databases?.second?.jobs as Jobs;
  const quiet = async () => expect((await stack.preview()).changes.map(({ urn }) => urn)).toEqual([]);
  const job = (name: string, database = "app") =>
    stack.sql(database, `SELECT jobid, schedule, database, username, active FROM cron.job WHERE jobname = '${name}'`);

  it("run, in any database, as their role", async () => {
    for (let tries = 0; tries < 30 && stack.sql("second", "SELECT count(*) > 1 FROM data.ticks") === "f"; tries += 1)
      await sleep(500);
    expect(stack.sql("second", "SELECT DISTINCT by FROM data.ticks")).toBe("worker");
    expect(
      stack.sql(
        "app",
        "SELECT count(*) > 0 FROM cron.job_run_details WHERE status = 'succeeded' AND database = 'second'",
      ),
    ).toBe("t");
    await quiet();
  });

  it("are checked in a preview: schedule, and a role that may log in", async () => {
    stack.configure(() => (jobs().wrong = { schedule: "61 * * * *", command: "SELECT 1", role: "worker" }));
    expect((await stack.preview()).messages.join()).toContain('"61 * * * *": "61" is out of range; minute is 0 to 59');
    stack.configure(() => (jobs().wrong = { schedule: "@daily", command: "SELECT 1" }));
    expect((await stack.preview()).messages.join()).toContain('"owner" has login: false, and a job needs a session');
    stack.configure(() => (jobs().wrong = { schedule: "@daily", command: "SELECT 1", role: "stranger" }));
    expect((await stack.preview()).messages.join()).toContain('"stranger" may not connect to database second');
    stack.configure(() => (jobs().wrong = { schedule: "@daily", command: "SELEC 1", role: "worker" }));
    expect((await stack.preview()).messages.join()).toContain('line 1: syntax error at or near "SELEC"');
    const vacuum = "SET vacuum_cost_limit = 2000; VACUUM data.ticks";
    stack.configure(() => (jobs().wrong = { schedule: "@daily", command: vacuum, role: "worker" }));
    expect((await stack.preview()).messages.join()).toContain(
      "VACUUM cannot run inside a transaction, and pg_cron runs",
    );
    stack.configure(() => delete jobs().wrong);
  });

  it("are reported by previews and status when their last run failed, until one succeeds", async () => {
    const last =
      "(SELECT max(runid) FROM cron.job_run_details AS d JOIN cron.job USING (jobid) WHERE jobname = 'tick')";
    stack.configure(() => (jobs().tick = { schedule: "1 second", command: "SELECT 1 / 0", role: "worker" }));
    await stack.up();
    const failed = () =>
      stack.sql(
        "app",
        `SELECT status = 'failed' AND command ~ '1 / 0' FROM cron.job_run_details WHERE runid = ${last}`,
      );
    for (let tries = 0; tries < 60 && failed() !== "t"; tries += 1) await sleep(500);
    expect((await stack.preview()).messages.join()).toMatch(
      /cron job tick: the last run, \S+ \S+ UTC, failed: ERROR: division by zero/,
    );
    const status = async () => (await stack.cli("status")).text;
    expect(await status()).toMatch(/^! cron job tick +in second: the last run, .*division by zero/m);

    stack.configure(() => (jobs().tick = { schedule: "1 second", command: "SELECT 1", role: "worker" }));
    await stack.up();
    const works = () => stack.sql("app", `SELECT status = 'succeeded' FROM cron.job_run_details WHERE runid = ${last}`);
    for (let tries = 0; tries < 60 && works() !== "t"; tries += 1) await sleep(500);
    expect((await stack.preview()).messages.join()).not.toContain("cron job tick");
    expect(await status()).not.toContain("cron job tick");
  });

  it("keep their id when they are changed", async () => {
    const [id] = job("tick").split("|");
    stack.configure(
      () => (jobs().tick = { schedule: "*/5 * * * *", command: "SELECT 2", role: "other", active: false }),
    );
    const { changes } = await stack.preview();
    expect(Object.keys(changes[0]?.detailedDiff ?? {}).sort()).toEqual(["active", "command", "role", "schedule"]);
    await stack.up();
    expect(job("tick")).toBe(`${id}|*/5 * * * *|second|other|f`);
    await quiet();
  });

  it("are put back when somebody has altered, doubled or removed them", async () => {
    const before = job("tick");
    const id = before.split("|")[0] as string;
    stack.sql("app", `SELECT cron.alter_job(${id}, schedule => '0 0 * * *', active => true); SET ROLE worker`);
    stack.sql("app", "SELECT cron.schedule_in_database('tick', '@yearly', 'SELECT 3', 'app', 'worker')");
    const { changes } = await stack.preview();
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["CronJob tick"]);
    expect(Object.keys(changes[0]?.detailedDiff ?? {}).sort()).toEqual(["active", "schedule"]);
    await stack.up();
    expect(job("tick")).toBe(before);

    stack.sql("app", `SELECT cron.unschedule(${id}::bigint)`);
    expect((await stack.preview()).changes.map(({ op, name }) => `${op} ${name}`)).toEqual(["create tick"]);
    await stack.up();
    expect(job("tick").split("|").slice(1)).toEqual(before.split("|").slice(1));
    await quiet();
  });

  it("are renamed and removed", async () => {
    stack.configure(() => {
      jobs().tock = jobs().tick as Jobs[string];
      delete jobs().tick;
    });
    await stack.up();
    expect(stack.sql("app", "SELECT string_agg(jobname, ',' ORDER BY jobname) FROM cron.job")).toBe(
      "pgwright: prune run log,tock",
    );
    stack.configure(() => delete jobs().tock);
    await stack.up();
    expect(job("tock")).toBe("");
    await quiet();
  });

  it("have their run log pruned by a job", () => {
    stack.sql(
      "app",
      "UPDATE cron.job_run_details SET start_time = now() - interval '8 days' WHERE runid = (SELECT min(runid) FROM cron.job_run_details)",
    );
    const command = stack.sql("app", "SELECT command FROM cron.job WHERE jobname = 'pgwright: prune run log'");
    expect(stack.sql("app", `WITH gone AS (${command} RETURNING 1) SELECT count(*) FROM gone`)).toBe("1");
  });

  it("move along when pg_cron gets another database", async () => {
    stack.configure((config) => {
      jobs().moved = { schedule: "1 second", command: "INSERT INTO data.ticks DEFAULT VALUES", role: "worker" };
      config.server = { ...config.server, cronDatabase: "app" };
    });
    await stack.up();
    stack.configure((config) => (config.server = { ...config.server, cronDatabase: "postgres" }));
    await stack.up();
    expect(job("moved", "postgres")).toMatch(/\|1 second\|second\|worker\|t$/);
    expect(stack.sql("app", "SELECT count(*) FROM pg_extension WHERE extname = 'pg_cron'")).toBe("0");
    stack.sql("second", "TRUNCATE data.ticks");
    for (let tries = 0; tries < 30 && stack.sql("second", "SELECT count(*) > 0 FROM data.ticks") === "f"; tries += 1)
      await sleep(500);
    expect(stack.sql("second", "SELECT count(*) > 0 FROM data.ticks")).toBe("t");
    await quiet();
  });
});
