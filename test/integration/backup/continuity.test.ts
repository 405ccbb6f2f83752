import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "../stack";

describe("an archive that outlives servers", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await TestStack.create({
      backup: { keep: true },
      roles: { owner: {} },
      databases: { app: { owner: "owner" } },
    });
    await stack.up();
    stack.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 100) AS n");
  });
  afterAll(() => stack.dispose());

  const rows = () => stack.sql("app", "SELECT count(*) || ' ' || coalesce(max(n), 0) FROM t");

  it("does not mind fewer connections than there were, nor another image", async () => {
    const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
    stack.sql("app", "INSERT INTO t VALUES (5000)");
    stack.sql("app", "SELECT pg_create_restore_point('before')");
    stack.sql("app", "INSERT INTO t VALUES (6000)");
    stack.sql("app", "SELECT pg_switch_wal()");
    stack.configure((config) => {
      config.server = { ...config.server, connections: 10 };
      config.image = { packages: ["hello"] };
      config.restoreFrom = { inPlace: true, name: "before" };
    });
    await stack.up();
    expect(docker("inspect", "--format", "{{.Config.Image}}", stack.container)).not.toBe(image);
    expect(stack.sql("postgres", "SHOW max_connections")).toBe("10");
    expect(rows()).toBe("101 5000");
    // The archive goes on, and what is made on the new image builds on what was there before.
    const before = stack.sql("postgres", "SELECT timeline_id FROM pg_control_checkpoint()");
    stack.configure((config) => (config.image = {}));
    await stack.up();
    expect(docker("inspect", "--format", "{{.Config.Image}}", stack.container)).toBe(image);
    expect(stack.sql("postgres", "SELECT timeline_id FROM pg_control_checkpoint()")).toBe(before);
    docker("exec", `${stack.container}-agent`, "backup.sh", "incremental");
    expect(rows()).toBe("101 5000");
    expect(stack.sql("postgres", "SELECT failing_since IS NULL FROM pgwright.backup_archive()")).toBe("t");
  });

  it("comes back after a destroy that keeps the repository, and refuses to begin anew beside it", async () => {
    stack.configure((config) => delete config.restoreFrom);
    await stack.up();
    expect((await stack.destroy()).code).toBe(0);
    expect(stack.remains()).toEqual([`${stack.container}-backup`]);
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /holds backups of a server named .*write restoreFrom: {}/,
    );
    expect((await stack.tryUp()).code).not.toBe(0);
    stack.configure((config) => (config.restoreFrom = {}));
    await stack.up();
    expect(rows()).toBe("101 5000");
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });
});
