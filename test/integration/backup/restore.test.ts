import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { InProcessStack } from "../in-process-stack";

describe("point-in-time recovery", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: {},
      server: { settings: { track_commit_timestamp: "on" } },
      roles: { owner: {} },
      databases: { app: { owner: "owner" } },
    });
    await stack.up();
    stack.sql("app", "SET ROLE owner; CREATE TABLE t (n int PRIMARY KEY)");
  });
  afterAll(() => stack.dispose());

  const rows = () => stack.sql("app", "SELECT count(*) || ' ' || coalesce(max(n), 0) FROM t");
  const restoreTo = (target: object) =>
    stack.configure((config) => {
      config.restoreFrom = { inPlace: true, ...target };
    });

  it("gives exactly what was committed before a time", async () => {
    const password = await stack.output<string>("superuserPassword");
    const client = await stack.connect("postgres", password, "app");
    for (let n = 1; n <= 300; n++) {
      await client.query("INSERT INTO t VALUES ($1)", [n]);
      if (n === 150) docker("exec", `${stack.container}-agent`, "backup.sh", "incremental");
    }
    // Between two commits, as the server noted them.
    const { rows: found } = await client.query<{ at: string; n: number }>(
      `SELECT to_char(pg_xact_commit_timestamp(xmin) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS at, n
       FROM t WHERE n = 217`,
    );
    await client.query("SELECT pg_switch_wal()");
    await client.end();
    restoreTo({ time: found[0]?.at as string, checks: [{ database: "app", query: "SELECT max(n) = 217 FROM t" }] });
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toMatch(
      /RESTORE of \S+ from \d{8}-\d{6}F_\d{8}-\d{6}I \(ended .*, as it was at .*; \d+ MB of WAL at most/,
    );
    expect(preview.messages.join("\n")).toMatch(
      /the data of the server is replaced by the restored data; volume \S+-data is kept/,
    );
    await stack.up();
    expect(rows()).toBe("217 217");
    expect(docker("volume", "ls", "--quiet").split("\n")).toContain(`${stack.container}-data`);
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });

  it("goes on from there, on a timeline of its own, and back again", async () => {
    // Each a transaction of its own: what is not committed before a point is not there.
    for (const statement of [
      "INSERT INTO t VALUES (1000)",
      "SELECT pg_create_restore_point('a thousand')",
      "INSERT INTO t VALUES (2000)",
      "SELECT pg_switch_wal()",
    ])
      stack.sql("app", statement);
    const { text, code: done } = await stack.cli("restore", "--name", "a thousand");
    expect(done, text).toBe(0);
    expect(text).toMatch(/RESTORE of .*, as it was at the restore point a thousand/);
    expect(text).toMatch(/the data from before the restore is kept; to remove it: npm run restore -- --accept/);
    stack.configure((config) => (config.restoreFrom = { inPlace: true, name: "a thousand" }));
    expect(rows()).toBe("218 1000");
    expect(stack.sql("postgres", "SELECT timeline_id FROM pg_control_checkpoint()")).toBe("3");
  });

  it("removes the former data once it is reported to", async () => {
    stack.configure((config) => delete config.restoreFrom);
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /volume \S+-data-2, from before the restore, is removed/,
    );
    await stack.up();
    const volumes = docker("volume", "ls", "--quiet")
      .split("\n")
      .filter((name) => name.startsWith(`${stack.container}-data`));
    expect(volumes).toEqual([`${stack.container}-data-3`]);
    expect(rows()).toBe("218 1000");
  });

  it("changes nothing where it is not allowed, not possible, or does not hold what is asked of it", async () => {
    const before = stack.containerId();
    const refused = async (target: object, why: RegExp) => {
      restoreTo(target);
      expect((await stack.preview()).messages.join("\n")).toMatch(why);
    };
    await refused({ inPlace: false, name: "a thousand" }, /the stack has data in volume .*inPlace: true/);
    await refused(
      { time: "2020-01-01 00:00:00+00" },
      /no backup of \S+ ended before 2020.*: the oldest, \S+, ended at/,
    );
    await refused({ backup: "20200101-000000F" }, /has no backup 20200101-000000F of \S+; there are \d{8}/);
    await refused({ time: "2026-01-01 00:00:00" }, /restoreFrom.time: .*write a time with its offset/);
    await refused({ time: "2026-01-01 00:00:00+00", name: "x" }, /write at most one of time, name and lsn/);
    // Only the WAL can tell; every backup is tried.
    const failing = async (target: object, why: RegExp) => {
      restoreTo(target);
      const { code, text } = await stack.tryUp();
      expect(code).not.toBe(0);
      expect(text).toMatch(why);
    };
    await failing(
      { name: "no such point" },
      /has failed, and nothing was changed.*recovery ended before configured recovery target was reached/s,
    );
    await failing(
      { name: "a thousand", checks: [{ database: "app", query: "SELECT count(*) = 5 FROM t" }] },
      /check failed: SELECT count\(\*\) = 5 FROM t is f/,
    );
    expect(stack.containerId()).toBe(before);
    expect(rows()).toBe("218 1000");
    stack.configure((config) => delete config.restoreFrom);
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("brings all back that was archived when the data volume is lost", async () => {
    stack.sql("app", "INSERT INTO t SELECT generate_series(3001, 3100)");
    const segment = stack.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal() - 1)");
    while (stack.sql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver") < segment) await sleep(200);
    docker("rm", "--force", stack.container, `${stack.container}-agent`);
    docker("volume", "rm", `${stack.container}-data-3`);
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /holds backups of a server named \S+, the newest of .*; write restoreFrom: {}/,
    );
    stack.configure((config) => (config.restoreFrom = {}));
    expect((await stack.preview()).messages.join("\n")).toMatch(/RESTORE of .*up to the end of the archived WAL/);
    await stack.up();
    expect(rows()).toBe("318 3100");
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });
});
