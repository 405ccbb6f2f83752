import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";
import { keeperStack, MIGRATIONS } from "../partitions/keeper-stack";

describe("what retention drops", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    const points = {
      columns: [
        { name: "id", type: "text" },
        { name: "at", type: "timestamptz" },
      ],
      id: "id",
      time: "at",
      sortKey: { columns: ["at"] },
      owner: "keeper",
      intervalHours: 24 as const,
      onRemove: "drop" as const,
      maxAge: "3 days",
    };
    stack = await InProcessStack.create({
      backup: {},
      server: { cronDatabase: "app" },
      ...keeperStack(
        { migrations: MIGRATIONS, tiers: { "data.points": points } },
        {
          "data.logs": {
            interval: "1 day",
            premake: 1,
            overflow: "drain",
            retention: { age: "3 days", then: "drop" },
          },
        },
      ),
    });
    await stack.up();
  });
  afterAll(() => stack.dispose());

  const log = () => {
    const { stdout, stderr } = spawnSync("docker", ["logs", stack.container], { encoding: "utf8" });
    return `${stdout}${stderr}`;
  };
  const points = () => [...log().matchAll(/restore point "(before drop of [^"]+)"/g)].map(([, name]) => name as string);
  const asKeeper = async (statement: string) => {
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
    await client.query("SET SESSION AUTHORIZATION keeper");
    await client.query(statement);
    await client.end();
  };

  it("has a restore point before it, and comes back from there", async () => {
    stack.sql("app", "INSERT INTO data.logs VALUES (now(), 'a line')");
    await asKeeper("CALL pgwright.maintain_partitions(now() + interval '10 days')");
    expect(stack.sql("app", "SELECT count(*) FROM data.logs")).toBe("0");
    const [first = ""] = points();
    expect(first).toMatch(/^before drop of data.logs_\S+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    stack.configure((config) => (config.restoreFrom = { inPlace: true, name: first }));
    await stack.up();
    expect(stack.sql("app", "SELECT line FROM data.logs")).toBe("a line");
  });

  it("has one where a tiered table drops what is too old, and where it is removed with its rows", async () => {
    stack.configure((config) => delete config.restoreFrom);
    await stack.up();
    stack.sql("app", "INSERT INTO data.points VALUES ('a', now() - interval '1 day')");
    const later = stack.sql("app", "SELECT now() + interval '10 days'");
    await asKeeper("CALL pgwright.tiers_roll_wa('data', 'points')");
    for (let i = 0; i < 3; i++)
      await asKeeper(`CALL pgwright.tiers_partition_maintenance('data', 'points', '${later}')`);
    expect(points().filter((name) => /data.points_\S+ \d{4}/.test(name))).not.toEqual([]);
    stack.configure((config) => (config.databases!.app!.tiers = {}));
    const { code, text } = await stack.tryUp();
    expect(code, text).toBe(0);
    expect(text).toMatch(/restore point "before drop of data.points \d{4}-/);
  });
});
