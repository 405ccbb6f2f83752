import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "./stack";
import { InProcessStack } from "./in-process-stack";

describe("an update that cannot be done", () => {
  let stack: InProcessStack;
  let folder: string;

  beforeAll(async () => {
    stack = await InProcessStack.create({
      // Nobody comes from there: pgwright's own connection is not one of these networks.
      server: { allowFrom: ["203.0.113.0/24"] },
      roles: { owner: {} },
      databases: { app: { owner: "owner", schemas: { data: {}, reporting: {} }, extensions: { pg_trgm: {} } } },
    });
    folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    await stack.up();
  }, 900_000);
  afterAll(() => stack?.dispose());

  const file = () => stack.inServer("md5sum", "/etc/pgwright/postgresql.conf", "/etc/pgwright/pg_hba.conf");

  it("has pgwright's own way in, as narrow as it can be, whatever allowFrom says", async () => {
    const gateway = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", stack.container);
    const rules = stack.inServer("grep", "^host", "/etc/pgwright/pg_hba.conf").split("\n");
    expect(rules).toContain(`host all postgres ${gateway}/32 scram-sha-256`);
    expect(rules.join("\n")).not.toMatch(/samenet|0\.0\.0\.0/);
    const password = await stack.output<string>("superuserPassword");
    await (await stack.connect("postgres", password, "app")).end();
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  });

  it.each([
    ["a library that the image lacks", { shared_preload_libraries: "nosuchlib" }, /nosuchlib/],
    ["a library of sessions", { session_preload_libraries: "nosuchlib" }, /nosuchlib/],
    ["a locale", { lc_messages: "xx_XX.UTF-8" }, /lc_messages/],
    ["a locale of times", { lc_time: "de_AT.UTF-8" }, /lc_time/],
    ["a time zone", { timezone: "Europe/Atlantis" }, /timezone/i],
    ["a configuration of text search", { default_text_search_config: "pg_catalog.klingon" }, /klingon/],
  ])("is seen in a throwaway server: %s", async (what, settings, why) => {
    const before = { file: file(), start: stack.startTime() };
    stack.configure((config) => (config.server = { ...config.server, settings: settings as Record<string, string> }));
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(why);
    if (what === "a locale") {
      const { code, text } = await stack.tryUp();
      expect(code).not.toBe(0);
      expect(text).toMatch(/rejects the new configuration/);
    }
    expect({ file: file(), start: stack.startTime() }).toEqual(before);
    stack.configure((config) => (config.server = { allowFrom: ["203.0.113.0/24"] }));
  });

  it("leaves no throwaway server behind", () => {
    expect(stack.remains().filter((name) => name.endsWith("-trial"))).toEqual([]);
  });

  it("takes a configuration of text search that all databases have", async () => {
    const make = "CREATE TEXT SEARCH CONFIGURATION public.plain (COPY = simple)";
    stack.sql("app", make);
    stack.configure((config) => (config.server!.settings = { default_text_search_config: "public.plain" }));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /default_text_search_config = public\.plain is invalid in database postgres: invalid value/,
    );
    stack.sql("postgres", make);
    await stack.up();
    expect(stack.sql("app", "SHOW default_text_search_config")).toBe("public.plain");
    stack.configure((config) => delete config.server!.settings);
    await stack.up();
    expect(stack.sql("app", "SHOW default_text_search_config")).toBe("pg_catalog.english");
  });

  it("has the former files back where the server does not take the new ones", async () => {
    const before = file();
    // A file of the data directory, which no throwaway server has, wins over the stack file.
    stack.inServer(
      "sh",
      "-c",
      "echo \"work_mem = '3MB'\" > $PGDATA/postgresql.auto.conf; chmod 400 $PGDATA/postgresql.auto.conf",
    );
    stack.sql("app", "ALTER ROLE postgres SET work_mem = '5MB'");
    stack.configure((config) => (config.server!.settings = { work_mem: "7MB" }));
    const { code, text } = await stack.tryUp();
    stack.sql("app", "ALTER ROLE postgres RESET work_mem");
    stack.inServer("sh", "-c", "chmod 600 $PGDATA/postgresql.auto.conf; : > $PGDATA/postgresql.auto.conf");
    expect(code, text).not.toBe(0);
    expect(text).toMatch(/the former configuration is in effect again/);
    expect(file()).toBe(before);
    stack.configure((config) => delete config.server!.settings);
    await stack.up();
  });

  it("is refused by npm run up before a migration runs", async () => {
    stack.sql("app", "CREATE TABLE reporting.m (); CREATE TABLE data.t AS SELECT generate_series(1, 3000) AS n");
    stack.sql("app", "ALTER TABLE data.t OWNER TO owner");
    writeFileSync(join(folder, "20260101000000_drop.sql"), "-- migrate:up\nDROP TABLE data.t;\n");
    stack.configure((config) => {
      const app = config.databases!.app!;
      config.databases!.app = { ...app, schemas: { data: {} }, migrations: { folder } };
    });
    const { code, text } = await stack.cli("up");
    expect(code, text).not.toBe(0);
    expect(text).toMatch(/schema reporting of database app still contains table reporting\.m/);
    expect(text).toMatch(/the preview failed; nothing was changed/);
    expect(stack.sql("app", "SELECT count(*) FROM data.t")).toBe("3000");
    stack.sql("app", "DROP TABLE reporting.m");
    const done = await stack.cli("up");
    expect(done.code, done.text).toBe(0);
    expect(stack.sql("app", "SELECT to_regclass('data.t') IS NULL")).toBe("t");
    // A second one is a preview alone, and its summary.
    const again = await stack.cli("up");
    expect(again.code, again.text).toBe(0);
    expect(again.text).not.toMatch(/Updating \(/);
    expect(again.text).toMatch(/is ready in container/);
    // A dump of roles may bring another password of postgres.
    stack.sql("postgres", "ALTER ROLE postgres PASSWORD 'of another server'");
    const locked = await stack.cli("up");
    expect(locked.code, locked.text).toBe(0);
    expect(locked.text).toMatch(
      /password of postgres: changed on the server; an update sets the password of this stack again/,
    );
    await (await stack.connect("postgres", await stack.output<string>("superuserPassword"), "app")).end();
  });

  it("does not touch what another state has made, unless the stack file says so", async () => {
    stack.configure((config) => (config.backup = { keep: true }));
    await stack.up();
    docker("exec", `${stack.container}-agent`, "backup.sh", "full");
    stack.sql("app", "CREATE TABLE public.newer AS SELECT 1 AS id");
    const rows = () => stack.sql("app", "SELECT count(*) FROM public.newer");
    await stack.beginState("another-state");
    const refusal = async () => {
      const { code, messages } = await stack.preview();
      expect(code).not.toBe(0);
      return messages.join("\n");
    };
    const volume = `${stack.container}-data`;

    const all = await refusal();
    for (const object of ["network", "container"])
      expect(all).toContain(
        `${object} ${stack.container}: it exists on the Docker engine, but not in the state of this stack`,
      );
    expect(all).toContain(`volume ${stack.container}-config: it exists on the Docker engine`);
    expect(all).not.toContain(`volume ${stack.container}-backup:`); // kept volumes are to be used again
    expect((await stack.tryUp()).text).toContain("not in the state of this stack");
    expect(rows()).toBe("1");

    docker("rm", "--force", stack.container, `${stack.container}-agent`);
    docker("network", "rm", stack.container);
    docker("volume", "rm", `${stack.container}-config`, `${stack.container}-agent`);
    const foreign = `volume ${volume}: it holds data and is not in the state of this stack`;
    expect(await refusal()).toContain(`${foreign}; write server.adoptVolume: ${volume} to use its data`);
    stack.configure((config) => (config.restoreFrom = {}));
    expect(await refusal()).toContain(
      `${foreign}; write restoreFrom.replace: ${volume} to replace its data by the restored`,
    );

    // A restore that fails leaves it alone.
    stack.configure((config) => (config.restoreFrom = { replace: volume, name: "no such point" }));
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toContain(`DATA LOSS: ${foreign}`);
    expect((await stack.tryUp()).text).toMatch(/the restore of \S+ has failed, and nothing was changed/);

    stack.configure((config) => {
      delete config.restoreFrom;
      config.server = { ...config.server, adoptVolume: volume };
    });
    expect((await stack.preview()).messages.join("\n")).toContain(`${foreign}; the server uses its data`);
    await stack.up();
    expect(rows()).toBe("1");
    expect((await stack.unchanged()).code).toBe(0);
  });
});
