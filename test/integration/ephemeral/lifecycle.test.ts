import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeLabelled } from "../../../cli/ephemeral/engine";
import { claimPort } from "../../../cli/ephemeral/port";
import { ephemeralLabels } from "../../../provider/ephemeral-labels";
import { Host } from "../../../provider/host";
import { docker, freePort, removeAbandoned } from "../stack";
import { Checkout, newName, objectsOf, query, removeObjects, ROOT, type Printed } from "./checkout";

const gitStatus = () => spawnSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" }).stdout;

describe("an ephemeral stack", () => {
  const name = newName();
  let checkout: Checkout;
  let made: Printed;
  let text: string;
  const before = gitStatus();
  const env = () => join(checkout.folder, "env");

  beforeAll(async () => {
    removeAbandoned();
    checkout = new Checkout();
    const run = await checkout.ephemeral("up", name, "--from", checkout.write(), "--for", "1h", "--env", env());
    ({ text } = run);
    expect(run.code, text).toBe(0);
    made = await checkout.up(name);
  });
  afterAll(() => {
    removeObjects(name);
    checkout.dispose();
  });

  it("says where it is and until when, and no password", () => {
    expect(text).toContain(`PostgreSQL 17`);
    expect(text).toMatch(new RegExp(`address +127.0.0.1:${made.port}`));
    expect(text).toMatch(/until +\d{4}-\d\d-\d\d \d\d:\d\d UTC, in (59|60) min/);
    expect(Object.keys(made.roles)).toEqual(["app", "postgres"]);
    for (const password of Object.values(made.roles)) expect(text).not.toContain(password);
  });

  it("lets programs in by the file of variables, which nobody else reads", () => {
    expect(statSync(env()).mode & 0o777).toBe(0o600);
    const script = `set -a; . ${env()}; set +a
      node -e 'const {Client} = require("pg"); const client = new Client(process.env.DATABASE_URL);
      client.connect().then(() => client.query("SELECT current_user, current_database()")).then(({rows}) => {
        console.log(JSON.stringify(rows)); return client.end(); })'`;
    const { stdout, stderr } = spawnSync("sh", ["-c", script], { cwd: ROOT, encoding: "utf8" });
    expect(stdout.trim(), stderr).toBe('[{"current_user":"app","current_database":"shop"}]');
    expect(readFileSync(env(), "utf8")).toContain(`PGPORT=${made.port}\n`);
  });

  it("bears on each of its Docker objects that it is ephemeral, and until when", () => {
    const objects = objectsOf(name);
    expect(objects.sort()).toEqual(
      [
        `pgwright-${name}`,
        `pgwright-${name}`,
        `pgwright-${name}-config`,
        `pgwright-${name}-data`,
        `pgwright-port-${made.port}`,
      ].sort(),
    );
    const filter = [
      "--filter",
      `label=pgwright.ephemeral=pgwright-${name}`,
      "--filter",
      `label=pgwright.expires=${made.expires}`,
    ];
    expect(docker("ps", "--quiet", ...filter).split("\n")).toHaveLength(1);
    expect(docker("network", "ls", "--quiet", ...filter).split("\n")).toHaveLength(1);
    expect(docker("volume", "ls", "--quiet", ...filter).split("\n")).toHaveLength(3);
  });

  it("is listed, and known to the other commands", async () => {
    const { stdout } = await checkout.ephemeral("list", "--json");
    const [row] = (JSON.parse(stdout) as { stack: string }[]).filter(({ stack }) => stack === name);
    expect(row).toMatchObject({ stack: name, expires: made.expires, port: made.port, server: "running" });
    expect((await checkout.ephemeral("list")).stdout).toMatch(
      new RegExp(`^${name} .* ${made.port} +\\d+ MB +running$`, "m"),
    );
    const status = await checkout.cli("status", "--stack", name);
    expect(status.text).toMatch(/ephemeral +\d{4}-\d\d-\d\d/);
    expect(status.code, status.text).toBe(0);
    const preview = await checkout.cli("preview", "--stack", name, "--expect-no-changes");
    expect(preview.code, preview.text).toBe(0);
  });

  it("keeps its port and data when the same is run again, and gets more time", async () => {
    const superuser = (sql: string) => query(made, "postgres", sql);
    await superuser("CREATE TABLE data.t AS SELECT 1 AS n");
    const container = docker("inspect", "--format", "{{.Id}}", `pgwright-${name}`);
    const again = await checkout.up(name, "--for", "2h");
    expect(again).toEqual({ ...made, expires: again.expires });
    expect(Date.parse(again.expires) - Date.parse(made.expires)).toBeGreaterThan(55 * 60_000);
    expect(await superuser("SELECT n FROM data.t")).toEqual([{ n: 1 }]);
    expect(docker("inspect", "--format", "{{.Id}}", `pgwright-${name}`)).toBe(container);
    expect(objectsOf(name).filter((object) => object.includes("-until-"))).toHaveLength(1);
  });

  it("refuses to be made permanent, and a wrong time", async () => {
    const run = await checkout.cli(
      "pulumi",
      "config",
      "set",
      "--path",
      "pgwright:ephemeral.expires",
      "soon",
      "--stack",
      name,
    );
    expect(run.code, run.text).toBe(0);
    const { code, text: error } = await checkout.cli("preview", "--stack", name);
    expect(code).not.toBe(0);
    expect(error).toContain('pgwright:ephemeral.expires: "soon" is not allowed; write a time in UTC');
    await checkout.cli("pulumi", "config", "rm", "pgwright:ephemeral", "--stack", name);
    const { code: refused, text: why } = await checkout.cli("up", "--stack", name);
    expect(refused).not.toBe(0);
    expect(why).toMatch(/the stack was created ephemeral until .* and is now declared not ephemeral; revert the key/);
    expect((await checkout.up(name)).port).toBe(made.port); // which writes the key again
  });

  it("goes, and leaves nothing here or there", async () => {
    const { code, text: reported } = await checkout.ephemeral("destroy", name);
    expect(code, reported).toBe(0);
    expect(objectsOf(name)).toEqual([]);
    expect(checkout.filesOf(name)).toEqual([]);
    expect(gitStatus()).toBe(before);
    const again = await checkout.ephemeral("destroy", name);
    expect(again.code).toBe(1);
    expect(again.text).toContain(`ephemeral stack ${name}: does not exist; existing ephemeral stacks: `);
  });
});

describe("several at once", () => {
  const names = [1, 2, 3, 4].map(newName);
  afterAll(() => names.forEach(removeObjects));

  it("get a port each, even if all want the same one", async () => {
    const wanted = await freePort();
    const claims = names.map((name) => {
      const server = `pgwright-${name}`;
      const labels = ephemeralLabels(server, "2020-01-01T00:00:00Z");
      return claimPort(new Host(server), server, { labels, address: "127.0.0.1", former: wanted });
    });
    const ports = await Promise.all(claims);
    expect(new Set(ports).size).toBe(4);
    expect(ports).toContain(wanted);
    await Promise.all(names.map((name) => removeLabelled(new Host(`pgwright-${name}`), `pgwright-${name}`)));
  });
});
