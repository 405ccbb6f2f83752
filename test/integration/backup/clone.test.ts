import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StackInput } from "../../../config/stack";
import { docker, TestStack } from "../stack";
import { MIGRATIONS } from "../partitions/keeper-stack";

const tick = "INSERT INTO data.ticks DEFAULT VALUES";
const config: StackInput = {
  server: { cronDatabase: "app" },
  backup: { keep: true },
  roles: {
    owner: {},
    app: { login: true, memberOf: ["owner"], searchPath: ["data"] },
    reader: { login: true },
    keeper: { login: true, password: false, memberOf: ["owner"] },
  },
  databases: {
    app: {
      owner: "owner",
      schemas: { data: {}, archive: {}, extensions: {} },
      extensions: { vector: { schema: "extensions" } },
      migrations: MIGRATIONS,
      grants: {
        app: { database: ["CONNECT"] },
        keeper: { database: ["CONNECT"] },
        reader: {
          database: ["CONNECT"],
          schemas: { data: { schema: ["USAGE"], tables: ["SELECT"] }, extensions: { schema: ["USAGE"] } },
        },
      },
      partitions: {
        role: "keeper",
        schedule: "0 4 1 1 *",
        sets: {
          "data.events": { interval: "1 month", premake: 2, start: "2026-01-15" },
          "data.tenants": { kind: "list", values: { eu: ["de", "fr"], us: ["us"] } },
        },
      },
      jobs: {
        tick: { schedule: "1 second", command: tick, role: "keeper" },
        "only in the source": { schedule: "1 second", command: tick, role: "keeper" },
      },
    },
  },
};

describe("a new stack from the backup of one that is gone", () => {
  let source: TestStack;
  let clone: TestStack;
  let passwords: Record<string, string>;
  beforeAll(async () => {
    source = await TestStack.create(structuredClone(config));
    await source.up();
    source.sql(
      "app",
      `SET ROLE owner;
      CREATE TABLE data.ticks (at timestamptz DEFAULT clock_timestamp());
      CREATE TABLE data.things AS SELECT n, format('[%s,1]', n)::extensions.vector AS v FROM generate_series(1, 1000) AS n;
      INSERT INTO data.events (at, tenant) SELECT '2026-02-01', n FROM generate_series(1, 500) AS n;
      INSERT INTO data.tenants VALUES ('de', 'a'), ('us', 'b')`,
    );
    source.sql("postgres", "CREATE ROLE stranger LOGIN; GRANT owner TO stranger");
    await source.up(); // the grants reach what was made by hand
    passwords = await source.output("rolePasswords");
    source.sql("postgres", "SELECT pg_switch_wal()");
    expect((await source.destroy()).code).toBe(0);
    expect(source.remains()).toEqual([`${source.container}-backup`]);

    const { jobs, ...app } = config.databases!.app!;
    clone = await TestStack.create({
      ...structuredClone(config),
      backup: {},
      databases: { app: { ...app, jobs: { tick: jobs!.tick! } } },
      restoreFrom: { server: source.container, repository: { volume: `${source.container}-backup` } },
    });
    await clone.up();
  });
  afterAll(async () => {
    await clone?.dispose();
    await source.dispose();
  });

  it("has the rows, in the tables and partitions of the source", () => {
    const counts = ["data.things", "data.events", "data.tenants"].map((table) => `(SELECT count(*) FROM ${table})`);
    expect(clone.sql("app", `SELECT ${counts.join(", ")}`)).toBe("1000|500|2");
    expect(clone.sql("app", "SELECT n FROM data.things ORDER BY v OPERATOR(extensions.<->) '[7,1]' LIMIT 1")).toBe("7");
    expect(clone.sql("app", "SELECT DISTINCT tableoid::regclass FROM data.events")).toMatch(/^data\.events_/);
  });

  it("has passwords of its own; those of the source do not work", async () => {
    const own = await clone.output<Record<string, string>>("rolePasswords");
    for (const [name, table] of [
      ["app", "things"],
      ["reader", "data.things"],
    ] as const) {
      expect(own[name]).not.toBe(passwords[name]);
      await expect(clone.connect(name, passwords[name] as string, "app")).rejects.toThrow(/authentication failed/);
      const client = await clone.connect(name, own[name] as string, "app");
      expect((await client.query(`SELECT count(*)::int AS n FROM ${table}`)).rows).toEqual([{ n: 1000 }]);
      await client.end();
    }
  });

  it("runs the jobs that it declares, and none that came along", async () => {
    const now = clone.sql("app", "SELECT now()");
    const since = () => clone.sql("app", `SELECT count(*) > 2 FROM data.ticks WHERE at > '${now}'`);
    for (let tries = 0; tries < 30 && since() === "f"; tries += 1) await sleep(500);
    expect(since()).toBe("t");
    expect(clone.sql("app", "SELECT jobname, active FROM cron.job WHERE jobname ~ 'tick|source' ORDER BY 1")).toBe(
      "only in the source|f\ntick|t",
    );
  });

  it("leaves a role that it does not declare as it was, and has nothing more to change", async () => {
    expect(clone.sql("postgres", "SELECT pg_has_role('stranger', 'owner', 'MEMBER')")).toBe("t");
    const { code, text } = await clone.unchanged();
    expect(code, text).toBe(0);
  });

  it("leaves the repository of the source alone", () => {
    const stanzas = docker(
      "run",
      "--rm",
      "--volume",
      `${source.container}-backup:/repository:ro`,
      docker("inspect", "--format", "{{.Config.Image}}", clone.container),
      "ls",
      "/repository/backup",
    );
    expect(stanzas).toBe(source.container);
  });
});
