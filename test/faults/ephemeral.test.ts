import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Checkout, contents, newName, objectsOf, query, removeObjects } from "../integration/ephemeral/checkout";
import { eventually } from "../integration/eventually";
import { docker, removeAbandoned, TestStack } from "../integration/stack";

// What can happen to ephemeral stacks beside their normal course, which test/integration/ephemeral has.

beforeAll(() => removeAbandoned());

describe("an ephemeral stack", () => {
  let checkout: Checkout;
  let name: string;
  beforeAll(() => {
    checkout = new Checkout();
  });
  beforeEach(() => {
    name = newName();
  });
  afterEach(() => removeObjects(name));
  afterAll(() => checkout.dispose());

  it("is made from the backups of another stack, and from the stack while it runs", async () => {
    const source = await TestStack.create({ ...structuredClone(contents), backup: { repositories: [{}] } });
    try {
      await source.up();
      source.sql("shop", "SET ROLE owner; CREATE TABLE data.orders AS SELECT generate_series(1, 1000) AS n");
      const segment = source.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal() - 1)");
      await eventually(
        "the archive",
        () => source.sql("postgres", `SELECT last_archived_wal >= '${segment}' FROM pg_stat_archiver`) === "t",
      );
      for (const restoreFrom of [
        { server: source.container, repository: { volume: `${source.container}-backup` } },
        { running: source.container },
      ]) {
        const made = await checkout.up(name, "--from", checkout.write({ ...contents, restoreFrom }));
        expect(await query(made, "postgres", "SELECT count(*)::int AS n FROM data.orders")).toEqual([{ n: 1000 }]);
        const { code, text } = await checkout.ephemeral("destroy", name);
        expect(code, text).toBe(0);
        expect([objectsOf(name), checkout.filesOf(name)]).toEqual([[], []]);
      }
      expect(source.sql("shop", "SELECT count(*) FROM data.orders")).toBe("1000");
      expect(docker("volume", "ls", "--quiet").split("\n")).toContain(`${source.container}-backup`);
    } finally {
      await source.dispose();
    }
  });

  it("loses no time to a shorter one, and has one mark of it however often it gets more", async () => {
    const made = await checkout.up(name, "--from", checkout.write(), "--for", "1h");
    const again = await checkout.up(name, "--for", "2h");
    expect(again).toEqual({ ...made, expires: again.expires });
    expect((await checkout.up(name, "--for", "30m")).expires).toBe(again.expires);
    expect((await checkout.up(name, "--for", "3h")).expires > again.expires).toBe(true);
    expect(objectsOf(name).filter((object) => object.includes("-until-"))).toHaveLength(1);
  });

  it("is forgotten when another checkout has removed it, and can be made again", async () => {
    const other = new Checkout();
    try {
      await checkout.up(name, "--from", checkout.write());
      expect((await other.ephemeral("destroy", name)).code).toBe(0);
      expect(checkout.filesOf(name)).not.toEqual([]);
      const again = await checkout.up(name, "--for", "1m");
      expect(await query(again, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
      expect((await other.ephemeral("destroy", name)).code).toBe(0);
      checkout.advanceTo(Date.parse(again.expires));
      const { text } = await checkout.ephemeral("sweep");
      expect(text).toContain(`removed the stack file of ${name}`);
      expect(checkout.filesOf(name)).toEqual([]);
    } finally {
      checkout.presentTime();
      other.dispose();
    }
  });
});

describe("several at once", () => {
  const names = [1, 2, 3, 4].map(newName);
  let checkouts: Checkout[];
  beforeAll(() => {
    checkouts = [new Checkout(), new Checkout()];
  });
  afterAll(() => {
    names.forEach(removeObjects);
    checkouts.forEach((checkout) => checkout.dispose());
  });

  it("come up, of two checkouts that have made nothing yet, each with a port of its own", async () => {
    const of = (i: number) => checkouts[i % 2] as Checkout;
    const files = checkouts.map((checkout) => checkout.write());
    const made = await Promise.all(names.map((name, i) => of(i).up(name, "--from", files[i % 2] as string)));
    expect(new Set(made.map(({ port }) => port)).size).toBe(4);
    for (const printed of made) expect(await query(printed, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    const destroyed = await Promise.all(names.map((name, i) => of(i).ephemeral("destroy", name)));
    for (const { code, text } of destroyed) expect(code, text).toBe(0);
    expect(names.flatMap(objectsOf)).toEqual([]);
    expect(names.flatMap((name, i) => of(i).filesOf(name))).toEqual([]);
  });
});

describe("a run that was killed", () => {
  let checkout: Checkout;
  let name: string;
  beforeAll(() => {
    checkout = new Checkout();
  });
  afterAll(() => {
    removeObjects(name);
    checkout.dispose();
  });

  const killed = async (when: () => boolean, all: boolean) => {
    name = newName();
    const child = checkout.start("ephemeral", "up", name, "--from", checkout.write());
    await eventually("the moment", when, { seconds: 60, every: 20 });
    if (all) process.kill(-(child.pid as number), "SIGKILL");
    else child.kill("SIGKILL"); // Pulumi goes on, and nobody waits for it
  };
  const has =
    (...args: string[]) =>
    () =>
      docker(...args)
        .split("\n")
        .includes(`pgwright-${name}${args[0] === "volume" ? "-config" : ""}`);
  const leavesNothing = async () => {
    const { code, text } = await checkout.ephemeral("destroy", name);
    expect(code, text).toBe(0);
    await sleep(3000);
    expect(objectsOf(name)).toEqual([]);
    expect(checkout.filesOf(name)).toEqual([]);
    return text;
  };

  it("while its volumes are filled leaves what a destroy removes", async () => {
    await killed(has("volume", "ls", "--quiet"), true);
    checkout.leaveHalfWritten(name);
    await leavesNothing();
  });

  it("when its container has begun leaves what an up takes up again", async () => {
    await killed(has("ps", "--format", "{{.Names}}"), true);
    const made = await checkout.up(name);
    expect(await query(made, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await leavesNothing();
  });

  it("and goes on in the background is ended by a destroy", async () => {
    await killed(has("volume", "ls", "--quiet"), false);
    expect(await leavesNothing()).toMatch(new RegExp(`ending process \\d+, which is changing stack ${name}`));
    const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" });
    expect(stdout).not.toContain(name);
  });
});
