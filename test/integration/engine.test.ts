import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "./in-process-stack";
import { TestStack, type Preview } from "./stack";

// What tests with an InProcessStack rely on.
describe("the engine of the tests", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: { keep: false },
      passwords: { app: "a password" },
      roles: { owner: {}, app: { login: true }, reader: { memberOf: ["owner"] } },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {} },
          extensions: { vector: {} },
          grants: { app: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE"], tables: ["SELECT"] } } } },
          jobs: { tick: { schedule: "@daily", command: "SELECT 1", role: "app" } },
        },
        other: { owner: "owner" },
      },
    });
    const folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    writeFileSync(join(folder, "001_t.sql"), "-- migrate:up\nCREATE TABLE data.t (id int PRIMARY KEY);\n");
    stack.configure(({ databases }) => Object.assign(databases?.app ?? {}, { migrations: { folder } }));
    await stack.up();
  });
  afterAll(() => stack.dispose());

  /** Steps and messages without their order, which depends on time. */
  const content = ({ changes, messages }: Preview) => ({
    steps: changes
      .map(
        ({ op, urn, detailedDiff }) =>
          `${op} ${urn} ${Object.keys(detailedDiff ?? {})
            .sort()
            .join()}`,
      )
      .filter((step) => !step.includes("pulumi:providers:"))
      .sort(),
    messages: messages.filter((text) => text !== "").sort(),
  });
  /** The preview of Pulumi itself. */
  const pulumi = async (...args: string[]) => {
    await stack.handOver("preview");
    return TestStack.prototype.preview.call(stack, ...args);
  };

  it("leaves a state that Pulumi finds unchanged", async () => {
    await stack.handOver("preview");
    const { code, text } = await TestStack.prototype.unchanged.call(stack);
    expect(code, text).toBe(0);
  });

  it("previews changes and drift as Pulumi does", async () => {
    stack.sql("app", "ALTER ROLE reader CONNECTION LIMIT 3; REVOKE SELECT ON data.t FROM app");
    writeFileSync(
      join(stack.folder, "migrations", "002_u.sql"),
      "-- migrate:up\nALTER TABLE data.t ADD COLUMN n int;\n",
    );
    stack.configure(({ roles, databases, backup }) => {
      Object.assign(roles ?? {}, { more: { login: true, password: false } });
      delete roles?.reader;
      delete databases?.other;
      Object.assign(databases?.app?.jobs ?? {}, { tick: { schedule: "@hourly", command: "SELECT 2", role: "app" } });
      Object.assign(databases?.app?.schemas ?? {}, { archive: {} });
      Object.assign(backup ?? {}, { keep: true });
    });
    stack.configure((config) => (config.server = { memory: "768MB", settings: { work_mem: "5MB" } }));
    const own = content(await stack.preview());
    expect(own.steps.length).toBeGreaterThan(8);
    expect(own).toEqual(content(await pulumi()));
  });

  it("previews errors as Pulumi does", async () => {
    stack.configure((config) => (config.guards = { forbid: ["loss"] }));
    const [own, real] = [await stack.preview(), await pulumi()];
    expect(own.code).not.toBe(0);
    expect(real.code).not.toBe(0);
    expect(own.messages.join()).toMatch(/forbidden hazards/);
    expect(real.messages.join()).toMatch(/forbidden hazards/);
    stack.configure((config) => delete config.guards);
  });

  it("updates to what Pulumi finds unchanged", async () => {
    await stack.up();
    await stack.handOver("preview");
    const { code, text } = await TestStack.prototype.unchanged.call(stack);
    expect(code, text).toBe(0);
    expect((await stack.unchanged()).code).toBe(0);
  });

  it("has a plugin whose schema is what Pulumi expects", async () => {
    const { code, text } = await stack.run("schema", "check", join("provider", "package-schema.json"));
    expect(code, text).toBe(0);
  });
});
