import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { InProcessStack } from "../in-process-stack";
import { docker, removeAbandoned, TestStack } from "../stack";
import { Checkout, contents, newName, objectsOf, query, removeObjects } from "./checkout";

describe("an ephemeral stack is made from", () => {
  let source: InProcessStack;
  let checkout: Checkout;
  let name: string;
  beforeAll(async () => {
    removeAbandoned();
    checkout = new Checkout();
    source = await InProcessStack.create(structuredClone(contents));
    await source.up();
    source.sql("shop", "SET ROLE owner; CREATE TABLE data.orders AS SELECT generate_series(1, 1000) AS n");
  });
  afterAll(async () => {
    removeObjects(name);
    await source.dispose();
    checkout.dispose();
  });

  const takenDown = async () => {
    const { code, text } = await checkout.ephemeral("destroy", name);
    expect(code, text).toBe(0);
    expect([objectsOf(name), checkout.filesOf(name)]).toEqual([[], []]);
  };

  it("a stack file of a stack that is kept, without what would keep this one", async () => {
    name = newName();
    const backup = { repositories: [{ volume: "pgwright-nobodys-backup" }], keep: true };
    const file = checkout.write({ ...contents, protect: true, backup });
    const { code, text } = await checkout.ephemeral("up", name, "--from", file);
    expect(code, text).toBe(0);
    expect(text).toContain(`ignored       protect, backup of ${file}`);
    expect(objectsOf(name).filter((object) => /agent|backup/.test(object))).toEqual([]);
    await takenDown();
  });

  it("another stack while it runs", async () => {
    name = newName();
    const file = checkout.write({ ...contents, restoreFrom: { running: source.container } });
    const made = await checkout.up(name, "--from", file);
    expect(await query(made, "postgres", "SELECT count(*)::int AS n FROM data.orders")).toEqual([{ n: 1000 }]);
    await takenDown();
    expect(source.sql("shop", "SELECT count(*) FROM data.orders")).toBe("1000");
  });

  it("a stack file with secrets, by whoever has their passphrase", async () => {
    name = newName();
    const file = checkout.write({ ...contents, passwords: { app: { secure: "" } } });
    // As an author would write it: in a stack of his own.
    const author = await TestStack.create(structuredClone(contents));
    await author.secret("passwords.app", "given-to-all-4711");
    writeFileSync(file, readFileSync(author.env.PULUMI_OPTION_CONFIG_FILE as string));
    await author.dispose();
    expect(parse(readFileSync(file, "utf8"))).toMatchObject({
      encryptionsalt: expect.stringMatching(/^v1:/) as string,
    });

    const refused = await checkout.ephemeral("up", name, "--from", file);
    expect(refused.code).toBe(1);
    expect(refused.text).toContain(`${file}: its secrets cannot be decrypted; set PULUMI_CONFIG_PASSPHRASE`);
    expect([objectsOf(name), checkout.filesOf(name)]).toEqual([[], []]);

    checkout.env.PULUMI_CONFIG_PASSPHRASE = author.env.PULUMI_CONFIG_PASSPHRASE;
    const made = await checkout.up(name, "--from", file);
    expect(made.roles.app).toBe("given-to-all-4711");
    expect(await query(made, "app", "SELECT 1 AS n")).toEqual([{ n: 1 }]);
    await takenDown();
    delete checkout.env.PULUMI_CONFIG_PASSPHRASE;

    const foreign = checkout.write({ ...contents, passwords: { app: { secure: "AAABAN" } } });
    const { code, text } = await checkout.ephemeral("up", name, "--from", foreign);
    expect(code).toBe(1);
    expect(text).toContain(`${foreign}: only its own stack can decrypt its secrets`);
    expect([objectsOf(name), checkout.filesOf(name)]).toEqual([[], []]);
  });

  it("a stack file without its durability, which is reported", async () => {
    name = newName();
    const run = await checkout.ephemeral("up", name, "--from", checkout.write(), "--not-durable");
    expect(run.code, run.text).toBe(0);
    expect(run.text).toContain("NOT DURABLE: fsync, full_page_writes, synchronous_commit are off");
    const show = ["psql", "-X", "-U", "postgres", "-Atc"];
    for (const parameter of ["fsync", "full_page_writes", "synchronous_commit"])
      expect(docker("exec", `pgwright-${name}`, ...show, `SHOW ${parameter}`)).toBe("off");
    const { stdout: logs } = spawnSync("docker", ["logs", `pgwright-${name}`], { encoding: "utf8" });
    expect(logs).toMatch(/creating a new cluster in \S+ --no-sync$/m);
    expect((await checkout.cli("status", "--stack", name)).text).toMatch(
      /durability +none: a crash of the machine loses the data/,
    );
    expect((await checkout.cli("preview", "--stack", name)).text).toContain("NOT DURABLE");
    await takenDown();
  });

  it("nothing that is wrong, and then nothing is made", async () => {
    name = newName();
    const attempts: [string[], RegExp][] = [
      [["--from", checkout.write({ ...contents, servr: {} })], /pgwright:servr: unknown key; did you mean server\?/],
      [["--from", checkout.write({ server: 5432 })], /pgwright:server: not a map/],
      [
        ["--from", checkout.write({ ephemeral: { durable: "no" } })],
        /ephemeral.durable: "no" is not allowed; write true or false/,
      ],
      [["--from", join(checkout.folder, "none.yaml")], /stack file .*none\.yaml does not exist/],
      [["--for", "1w"], /--for "1w": invalid duration; write a whole number and m, h or d/],
      [["--from", checkout.write(), "--env", "/tmp/x", "--role", "bob"], /--role "bob": no such role with a login/],
    ];
    for (const [args, error] of attempts) {
      const { code, text } = await checkout.ephemeral("up", name, ...args);
      expect(code).not.toBe(0);
      expect(text).toMatch(error);
      expect([objectsOf(name), checkout.filesOf(name)]).toEqual([[], []]);
    }
  });

  it("no name that somebody else has", async () => {
    const container = docker("inspect", "--format", "{{.Id}}", source.container);
    const file = checkout.write();
    expect((await checkout.ephemeral("up", "dev", "--from", file)).text).toMatch(
      /Pulumi.dev.yaml: stack file of a permanent stack/,
    );
    const taken = await checkout.ephemeral("up", source.name, "--from", file);
    expect(taken.text).toContain(`container ${source.container}, network ${source.container}`.split(",")[0]);
    expect(taken.text).toContain("not of an ephemeral stack; choose another name");
    // Also to one who has its state.
    await source.handOver("preview");
    const own = new Checkout({
      PULUMI_BACKEND_URL: source.env.PULUMI_BACKEND_URL,
      PULUMI_CONFIG_PASSPHRASE: source.env.PULUMI_CONFIG_PASSPHRASE,
    });
    const { code, text } = await own.ephemeral("destroy", source.name);
    expect(code).toBe(1);
    expect(text).toContain(`stack ${source.name}: not ephemeral, nothing was changed`);
    own.dispose();
    expect(docker("inspect", "--format", "{{.Id}}", source.container)).toBe(container);
    expect((await source.unchanged()).code).toBe(0);
  });

  it("nothing that is there already: a stack that is kept stays so", async () => {
    const before = source.remains().sort();
    source.configure((config) => (config.ephemeral = { expires: "2020-01-01T00:00:00Z" }));
    for (const run of [await source.preview(), await source.tryUp()]) {
      expect(run.code).not.toBe(0);
      expect(run.text).toContain(
        "the stack was created not ephemeral and is now declared ephemeral until 2020-01-01T00:00:00Z",
      );
    }
    expect((await checkout.ephemeral("sweep")).text).not.toContain(source.name);
    expect(source.remains().sort()).toEqual(before);
    expect(source.sql("shop", "SELECT count(*) FROM data.orders")).toBe("1000");
    source.configure((config) => delete config.ephemeral);
    expect((await source.unchanged()).code).toBe(0);
  });
});
