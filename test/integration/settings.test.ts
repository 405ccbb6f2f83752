import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "./stack";
import { InProcessStack } from "./in-process-stack";

describe("settings of a running server", () => {
  let stack: InProcessStack;
  const set = (settings: Record<string, string | number | boolean>) =>
    stack.configure((config) => (config.server = { ...config.server, settings }));
  const messages = async () => (await stack.preview()).messages.join("\n");

  beforeAll(async () => {
    stack = await InProcessStack.create();
    await stack.up();
  });
  afterAll(() => stack.dispose());

  it("are reloaded where that is enough: same container, same start", async () => {
    const [container, started] = [stack.containerId(), stack.startTime()];
    set({ log_min_duration_statement: "250ms", work_mem: "7MB" });
    expect(await messages()).toMatch(/reload: work_mem .* -> 7MB/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW work_mem")).toBe("7MB");
    expect(stack.sql("postgres", "SHOW log_min_duration_statement")).toBe("250ms");
    expect([stack.containerId(), stack.startTime()]).toEqual([container, started]);
  });

  it("are taken up by new sessions where open ones keep theirs", async () => {
    const started = stack.startTime();
    set({ log_min_duration_statement: "250ms", work_mem: "7MB", log_connections: true });
    expect(await messages()).toMatch(/new connections: log_connections off -> on/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW log_connections")).toBe("on");
    expect(stack.startTime()).toBe(started);
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });

  it("restart the server once where they need it: same container, and clients come back", async () => {
    const [container, started] = [stack.containerId(), stack.startTime()];
    const starts = () => stack.logs().split("database system is ready to accept connections").length;
    const before = starts();
    const password = await stack.output<string>("superuserPassword");
    const client = await stack.connect("postgres", password, "postgres");
    set({ work_mem: "7MB", max_locks_per_transaction: 100 });
    expect(await messages()).toMatch(/RESTART: max_locks_per_transaction 64 -> 100/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW max_locks_per_transaction")).toBe("100");
    expect(stack.containerId()).toBe(container);
    expect(stack.startTime()).not.toBe(started);
    expect(starts() - before).toBe(1);
    await expect(client.query("SELECT 1")).rejects.toThrow();
    const again = await stack.connect("postgres", password, "postgres");
    expect((await again.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await again.end();
  });

  it("fail the preview when they need a restart that is forbidden, and change nothing", async () => {
    const started = stack.startTime();
    stack.configure((config) => {
      config.server = {
        ...config.server,
        restartPolicy: "forbid",
        settings: { work_mem: "7MB", max_locks_per_transaction: 200 },
      };
    });
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(
      /max_locks_per_transaction 100 -> 200: needs a restart.*restartPolicy is "forbid"/,
    );
    expect(stack.startTime()).toBe(started);
    stack.configure((config) => {
      config.server = {
        ...config.server,
        restartPolicy: "allow",
        settings: { work_mem: "7MB", max_locks_per_transaction: 100 },
      };
    });
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("are put back when somebody changed the file, the sessions' default or the password by hand", async () => {
    const volume = `${stack.container}-config`;
    docker(
      "run",
      "--rm",
      "--user",
      "root",
      "--entrypoint",
      "sh",
      "-v",
      `${volume}:/c`,
      imageOf(stack),
      "-c",
      "sed -i 's/^work_mem.*/work_mem = 9MB/' /c/postgresql.conf",
    );
    stack.sql("postgres", "SELECT pg_reload_conf()");
    expect(stack.sql("postgres", "SHOW work_mem")).toBe("9MB");
    const drifted = await stack.preview();
    expect(drifted.changes.map(({ kind, op }) => `${op} ${kind}`)).toEqual(["update Configuration", "update Server"]);
    expect(drifted.messages.join("\n")).toMatch(/reload: work_mem .* -> 7MB/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW work_mem")).toBe("7MB");

    stack.sql("postgres", "ALTER ROLE postgres PASSWORD 'by hand'");
    expect((await stack.preview()).changes.map(({ kind }) => kind)).toEqual(["Server"]);
    await stack.up();
    const client = await stack.connect("postgres", await stack.output<string>("superuserPassword"), "postgres");
    await client.end();
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("cannot be changed by ALTER SYSTEM, and what is left of one is found and removed", async () => {
    expect(() => stack.sql("postgres", "ALTER SYSTEM SET work_mem = '3MB'")).toThrow(/ALTER SYSTEM is not allowed/);
    docker("exec", stack.container, "sh", "-c", `echo "work_mem = '3MB'" >> $PGDATA/postgresql.auto.conf`);
    stack.sql("postgres", "SELECT pg_reload_conf()");
    expect(await messages()).toMatch(/work_mem was set by ALTER SYSTEM/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW work_mem")).toBe("7MB");
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("may be of libraries in the image, or custom, and go again", async () => {
    const [started, custom] = [stack.startTime(), { "shop.setting": "it's", "postgres_fdw.application_name": "%a" }];
    set({ work_mem: "7MB", max_locks_per_transaction: 100, ...custom });
    expect(await messages()).toMatch(/reload: shop.setting not set -> it's/);
    await stack.up();
    expect(stack.sql("postgres", "SHOW shop.setting; SHOW postgres_fdw.application_name")).toBe("it's\n%a");
    expect((await stack.preview()).changes).toEqual([]);
    set({ work_mem: "7MB", max_locks_per_transaction: 100, "shop.setting": "other" });
    expect(await messages()).toMatch(/reload: shop.setting it's -> other/);
    await stack.up();
    const gone = "SELECT coalesce(current_setting('postgres_fdw.application_name', true), '')";
    expect(stack.sql("postgres", `SHOW shop.setting; ${gone}`)).toBe("other");
    expect((await stack.preview()).changes).toEqual([]);
    expect(stack.startTime()).toBe(started);
  });

  it("are checked against a catalogue that the image agrees with", () => {
    const extract = ["--require", "./toolchain/typescript.cjs", "tuning/extract.ts", imageOf(stack), "--check"];
    const { status, stdout, stderr } = spawnSync(process.execPath, extract, { encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
  });

  it.each([
    [{ wrok_mem: "4MB" }, /wrok_mem.*work_mem/s],
    [{ work_mem: "lots" }, /work_mem.*lots/s],
    [{ work_mem: "1kb" }, /work_mem.*kB/s],
    [{ max_connections: 0 }, /max_connections.*0/s],
    [{ shared_buffers: "8GB" }, /shared_buffers.*8GB/s],
    [{ wal_level: "minimum" }, /wal_level.*replica/s],
    [{ port: 5433 }, /port = 5433: pgwright sets port itself: the server listens on 5432 inside the container/],
  ])("that PostgreSQL would not take fail the preview: %o", async (settings, text) => {
    set(settings);
    const { code, text: output } = await stack.preview();
    expect(code).not.toBe(0);
    expect(output).toMatch(text);
    expect(output).not.toMatch(/at .*\.ts:\d+/); // a message, not a stack trace
  });

  it("fail the preview with a message, without a stack trace", async () => {
    set({ wrok_mem: "4MB" });
    const { code, text } = await stack.run("preview", "--stack", stack.name);
    expect(code).not.toBe(0);
    expect(text).toMatch(/pgwright:server: wrok_mem = "4MB": neither PostgreSQL 17 nor/);
    expect(text).not.toMatch(/at .*\.ts:\d+/);
  });
});

function imageOf(stack: TestStack): string {
  return docker("inspect", "--format", "{{.Config.Image}}", stack.container);
}
