import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";
import { docker, removeAbandoned } from "../stack";
import { Checkout, contents, newName, objectsOf, query, removeObjects, type Printed } from "./checkout";

/** When the last of them expires. */
const expiryOf = (made: Printed[]) => Math.max(...made.map(({ expires }) => Date.parse(expires)));

describe("a sweep", () => {
  const names = [1, 2, 3, 4].map(newName) as [string, string, string, string];
  const [lost, extended, lasting, here] = names;
  let permanent: InProcessStack;
  let gone: Checkout;
  let checkout: Checkout;
  let made: Printed[];
  /** Named like parts of the lost stack, and not marked. */
  const decoys = [`pgwright-${lost}-data-2`, `pgwright-${lost}-until-20000101T000000Z`];
  const sweep = () => checkout.ephemeral("sweep");

  beforeAll(async () => {
    removeAbandoned();
    permanent = await InProcessStack.create(structuredClone({ ...contents, server: {} }));
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

  it("finds stacks that two checkouts have made at once, each with a port of its own", () => {
    expect(new Set(made.map(({ port }) => port)).size).toBe(4);
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
});
