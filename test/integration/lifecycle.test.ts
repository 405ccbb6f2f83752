import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, removeAbandoned, TestStack } from "./stack";

describe("two stacks on one host", () => {
  let one: TestStack;
  let two: TestStack;
  beforeAll(async () => {
    removeAbandoned();
    const config = {
      roles: { owner: {}, reader: { login: true } },
      databases: {
        app: { owner: "owner", schemas: { data: {} }, grants: { reader: { database: ["CONNECT" as const] } } },
      },
    };
    one = await TestStack.create(structuredClone(config));
    two = await TestStack.create(structuredClone(config));
    await one.up();
    await two.up();
  });
  afterAll(async () => {
    await one.dispose();
    await two.dispose();
  });

  it("come up with what the stack file says", () => {
    expect(one.sql("app", "SELECT rolname FROM pg_roles WHERE rolname IN ('owner', 'reader') ORDER BY 1")).toBe(
      "owner\nreader",
    );
    expect(two.sql("app", "SHOW data_checksums")).toBe("on");
    expect(one.sql("app", "SHOW max_connections")).toBe("20");
    expect(docker("inspect", "--format", "{{.Config.User}} {{.HostConfig.Memory}}", one.container)).toBe(
      `postgres ${512 * 1024 * 1024}`,
    );
  });

  it("change nothing when nothing has changed, refreshed or not", async () => {
    expect((await one.preview()).changes).toEqual([]);
    expect((await one.run("preview", "--expect-no-changes", "--stack", one.name)).code).toBe(0);
    const refreshed = await one.unchanged();
    expect(refreshed.text).not.toMatch(/error/i);
    expect(refreshed.code).toBe(0);
    expect(await one.up()).toMatch(/^Resources:\n +\d+ unchanged\n\n/m); // and nothing else
  });

  it("let a client in with the password of the stack's output, and nobody without", async () => {
    const { reader } = await one.output<{ reader: string }>("rolePasswords");
    const client = await one.connect("reader", reader, "app");
    expect((await client.query("SELECT current_user")).rows).toEqual([{ current_user: "reader" }]);
    await client.end();
    await expect(two.connect("reader", reader, "app")).rejects.toThrow(/password authentication failed/);
  });

  it("refuse to be destroyed while protected, and leave nothing behind afterwards", async () => {
    one.configure((config) => (config.protect = true));
    await one.up();
    const urns = async () => (await one.state()).deployment.resources.map(({ urn }) => urn).sort();
    const before = await urns();
    const refused = await one.destroy();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/protected/);
    expect(await urns()).toEqual(before); // nothing was taken away before the refusal
    expect(one.sql("app", "SELECT 1")).toBe("1");
    expect((await one.preview()).changes).toEqual([]);

    one.configure((config) => (config.protect = false));
    await one.up();
    const gone = await one.destroy();
    expect(gone.code, gone.text).toBe(0);
    expect(one.remains()).toEqual([]);
    expect(two.sql("app", "SELECT 1")).toBe("1"); // the other one does not mind
  });
});
