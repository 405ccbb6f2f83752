import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../eventually";
import { docker, removeAbandoned, TestStack } from "../stack";
import { Checkout, contents, newName, objectsOf, query, removeObjects, type Printed } from "./checkout";

/** When the last of them expires. */
const expiryOf = (made: Printed[]) => Math.max(...made.map(({ expires }) => Date.parse(expires)));

describe("a sweep", () => {
  const names = [1, 2, 3, 4].map(newName) as [string, string, string, string];
  const [lost, extended, lasting, here] = names;
  let permanent: TestStack;
  let gone: Checkout;
  let checkout: Checkout;
  let made: Printed[];
  /** Named like parts of the lost stack, and not marked. */
  const decoys = [`pgwright-${lost}-data-2`, `pgwright-${lost}-until-20000101T000000Z`];
  const sweep = () => checkout.ephemeral("sweep");

  beforeAll(async () => {
    removeAbandoned();
    permanent = await TestStack.create(structuredClone({ ...contents, server: {} }));
    gone = new Checkout();
    checkout = new Checkout();
    const file = checkout.write();
    await permanent.up();
    for (const decoy of decoys) docker("volume", "create", decoy);
    made = await Promise.all([
      gone.up(lost, "--from", file, "--for", "1m"),
      checkout.up(extended, "--from", file, "--for", "1m"),
      checkout.up(lasting, "--from", file, "--for", "1h"),
      checkout.up(here, "--from", file, "--for", "1m"),
    ]);
    // Nobody can be asked any more.
    gone.dispose();
    await checkout.up(extended, "--for", "1h");
    checkout.advanceTo(expiryOf(made.filter(({ stack }) => stack !== lasting)));
  }, 600_000);
  afterAll(async () => {
    names.forEach(removeObjects);
    await permanent.dispose();
    checkout.dispose();
  });

  it("is not done by a list, which says what has expired", async () => {
    const { stdout } = await checkout.ephemeral("list");
    for (const name of [lost, here]) expect(stdout).toMatch(new RegExp(`^${name} .*EXPIRED`, "m"));
    for (const name of [extended, lasting]) expect(stdout).toMatch(new RegExp(`^${name} .*in \\d+ min`, "m"));
    expect(stdout).not.toContain(permanent.name);
    const status = await checkout.cli("status", "--stack", here);
    expect(status.text).toMatch(/^! ephemeral +.*EXPIRED/m);
    expect(status.code).toBe(1);
  });

  it("removes what has expired, state or none, and nothing else", async () => {
    const kept = permanent.remains().sort();
    const { code, text } = await sweep();
    expect(code, text).toBe(0);
    expect(text).toMatch(new RegExp(`removed ${lost}, until .*EXPIRED`));
    expect(text).toMatch(new RegExp(`removed ${here}, until`));
    expect(objectsOf(lost).sort()).toEqual([...decoys].sort());
    expect([objectsOf(here), checkout.filesOf(here)]).toEqual([[], []]);

    expect(permanent.remains().sort()).toEqual(kept);
    expect(permanent.sql("shop", "SELECT 1")).toBe("1");
    for (const printed of made.filter(({ stack }) => stack === extended || stack === lasting))
      expect(await query(printed, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    expect((await sweep()).text).toContain("nothing has expired");
  });

  it("says what it cannot remove, and why", async () => {
    const user = `pgwright-${lost}-user`;
    const volume = `pgwright-${lost}-old`;
    const labels = [
      "--label",
      `pgwright.ephemeral=pgwright-${lost}`,
      "--label",
      "pgwright.expires=2020-01-01T00:00:00Z",
    ];
    docker("volume", "create", ...labels, volume);
    const image = docker("inspect", "--format", "{{.Config.Image}}", permanent.container);
    docker("create", "--name", user, "--volume", `${volume}:/old`, image, "true");
    // What a killed run was writing files through is pgwright's own.
    docker("create", "--label", "pgwright.helper=files", "--volume", `${volume}:/volume`, image, "true");
    const refused = await sweep();
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(new RegExp(`pgwright-${lost}: not removed: volume ${volume}; .*in use`));
    expect(docker("ps", "--all", "--quiet", "--filter", `volume=${volume}`).split("\n")).toHaveLength(1);
    docker("rm", user); // it is not marked, so it is not for a sweep to remove
    expect((await sweep()).text).toContain(`removed ${lost}`);
  });

  it("leaves what is marked and has no time", async () => {
    const volume = `pgwright-${lost}-odd`;
    docker(
      "volume",
      "create",
      "--label",
      `pgwright.ephemeral=pgwright-${lost}`,
      "--label",
      "pgwright.expires=",
      volume,
    );
    expect((await sweep()).text).toContain("nothing has expired");
    expect((await checkout.ephemeral("list")).stdout).toMatch(
      new RegExp(`^${lost} +never: an object of the stack has no expiry`, "m"),
    );
    expect((await checkout.ephemeral("destroy", lost)).text).toContain(`removed ${lost}`);
    expect(objectsOf(lost).sort()).toEqual([...decoys].sort());
  });

  it("forgets what somebody has swept from elsewhere, and it can be made again", async () => {
    const other = new Checkout();
    try {
      expect((await other.ephemeral("destroy", extended)).code).toBe(0);
      expect(checkout.filesOf(extended)).not.toEqual([]);
      checkout.presentTime();
      const again = await checkout.up(extended, "--for", "1m");
      expect(await query(again, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
      expect((await other.ephemeral("destroy", extended)).code).toBe(0);
      checkout.advanceTo(expiryOf([again]));
      const { text } = await sweep();
      expect(text).toContain(`removed the stack file of ${extended}`);
      expect(checkout.filesOf(extended)).toEqual([]);
    } finally {
      other.dispose();
    }
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
