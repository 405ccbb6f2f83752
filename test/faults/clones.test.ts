import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StackInput } from "../../config/stack";
import { eventually } from "../integration/eventually";
import { docker, TestStack, type Run } from "../integration/stack";

const ROWS = 100_000;

const tick = { schedule: "1 second", command: "INSERT INTO data.ticks DEFAULT VALUES", role: "keeper" };
const contents: StackInput = {
  roles: { owner: {}, app: { login: true }, keeper: { login: true, password: false, memberOf: ["owner"] } },
  databases: {
    shop: {
      owner: "owner",
      schemas: { data: {} },
      grants: {
        app: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE"], tables: ["SELECT"] } } },
        keeper: { database: ["CONNECT"] },
      },
    },
  },
};

/** Often enough to catch a restore at a certain point. */
const closely = { seconds: 60, every: 50 };

describe("many clones of a server that is in use", () => {
  let source: TestStack;
  let clones: TestStack[];
  let runs: Run[];
  const base = `pgwright-test-base:t${process.pid}`;
  let image: string;

  /** A stack that is made from the source, masked, in an image that nobody has built yet. */
  const clone = async (restoreFrom: NonNullable<StackInput["restoreFrom"]>, more: StackInput = { image: { base } }) => {
    const stack = await TestStack.create({ ...structuredClone(contents), ...more });
    const file = join(stack.folder, "mask.sql");
    writeFileSync(file, "UPDATE data.customers SET name = 'nobody';\n");
    stack.configure((config) => (config.restoreFrom = { ...restoreFrom, run: [{ database: "shop", file }] }));
    return stack;
  };
  const fromRepository = () => ({ server: source.container, repository: { volume: `${source.container}-backup` } });
  const all = () => [source, ...clones];
  const archived = () => {
    const name = source.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal() - 1)");
    return eventually(
      "the archive",
      () => source.sql("postgres", `SELECT last_archived_wal >= '${name}' FROM pg_stat_archiver`) === "t",
      closely,
    );
  };

  beforeAll(async () => {
    source = await TestStack.create({
      ...structuredClone(contents),
      databases: { shop: { ...contents.databases!.shop!, jobs: { tick } } },
      backup: { repositories: [{ retention: { full: 1 } }] },
    });
    await source.up();
    source.sql(
      "shop",
      `SET ROLE owner;
       CREATE TABLE data.ticks (at timestamptz DEFAULT clock_timestamp());
       CREATE TABLE data.customers AS SELECT n, 'name ' || n AS name FROM generate_series(1, ${ROWS}) AS n;
       CREATE TABLE data.late (n int)`,
    );
    await archived();
    docker("tag", docker("inspect", "--format", "{{.Config.Image}}", source.container), base);
    const repository = fromRepository();
    clones = await Promise.all([...[1, 2, 3].map(() => clone(repository)), clone({ running: source.container })]);
    // The source goes on meanwhile.
    let made = false;
    const backups = async () => {
      while (!made) expect((await source.cli("backup", "incremental")).code).toBe(0);
    };
    const up = Promise.all(clones.map((stack) => stack.cli("up"))).finally(() => (made = true));
    [runs] = await Promise.all([up, backups()]);
    image = docker("inspect", "--format", "{{.Config.Image}}", clones[0]!.container);
  }, 600_000);
  afterAll(async () => {
    for (const stack of clones ?? []) await stack.dispose();
    await source.dispose();
    docker("image", "rm", base, ...(image ? [image] : []));
  });

  it("come up at the same time, and build their image once", () => {
    for (const { code, text } of runs) expect(code, text).toBe(0);
    expect(runs.filter(({ text }) => /^\s*built /m.test(text))).toHaveLength(1);
    expect(new Set(clones.map(({ container }) => docker("inspect", "--format", "{{.Image}}", container))).size).toBe(1);
  });

  it("have the rows of the source, masked, each on its port and with its passwords", async () => {
    const passwords = new Set<string>();
    for (const stack of all()) {
      const { app = "" } = await stack.output<Record<string, string>>("rolePasswords");
      passwords.add(app).add(await stack.output("superuserPassword"));
      const client = await stack.connect("app", app, "shop");
      const { rows } = await client.query(
        "SELECT count(*)::int AS rows, count(DISTINCT name)::int AS names FROM data.customers",
      );
      await client.end();
      expect(rows).toEqual([{ rows: ROWS, names: stack === source ? ROWS : 1 }]);
    }
    expect(passwords.size).toBe(2 * all().length);
    for (const stack of clones) expect((await stack.unchanged()).code).toBe(0);
  });

  it("run no jobs of the source, which goes on", async () => {
    const newest = (stack: TestStack) => stack.sql("shop", "SELECT count(*), max(at) FROM data.ticks");
    const before = all().map(newest);
    await sleep(2500);
    expect(all().map((stack, i) => newest(stack) === before[i])).toEqual([false, true, true, true, true]);
    for (const stack of clones)
      expect(stack.sql("postgres", "SELECT active FROM cron.job WHERE jobname = 'tick'")).toBe("f");
  });

  it("leave repository and archive of the source alone", async () => {
    const listed = docker(
      "exec",
      `${source.container}-agent`,
      "bash",
      "-c",
      "ls /var/lib/pgbackrest/1/{archive,backup}",
    );
    expect(listed.match(/pgwright-\S+/g)).toEqual([source.container, source.container]);
    await archived();
    expect(source.sql("postgres", "SELECT failed_count FROM pg_stat_archiver")).toBe("0");
    const { code, text } = await source.cli("status");
    expect(code, text).toBe(0);
  });

  describe("begin anew when the source lets their backup go", () => {
    /** Stops the restore as soon as a program in its container says so, and lets the source forget the backup meanwhile. */
    const whileStopped = async (...at: string[]) => {
      const stack = await clone(fromRepository(), { image: { name: image } });
      const container = `${stack.container}-restore`;
      try {
        const up = stack.tryUp();
        await eventually(at.join(" "), () => spawnSync("docker", ["exec", container, ...at]).status === 0, closely);
        // The kernel may refuse to freeze a process that waits for its disk.
        await eventually("a pause", () => spawnSync("docker", ["pause", container]).status === 0, closely);
        source.sql("shop", "INSERT INTO data.late SELECT 1");
        await archived();
        expect((await source.cli("backup", "full")).code).toBe(0);
        // So that the archive has a transaction after that backup.
        source.sql("shop", "INSERT INTO data.late SELECT 1");
        await archived();
        docker("unpause", container);
        const { code, text } = await up;
        expect(code, text).toBe(0);
        return { text, late: Number(stack.sql("shop", "SELECT count(*) FROM data.late")) };
      } finally {
        await stack.dispose();
      }
    };
    const lateRows = () => Number(source.sql("shop", "SELECT count(*) FROM data.late"));

    it("while its files are copied", async () => {
      const { text, late } = await whileStopped("ls", "/var/lib/postgresql/data/pgdata.unfinished/base");
      expect(text).toMatch(/restored \S+ from \S+F, up to/);
      expect(late).toBe(lateRows());
    });

    it("while WAL is replayed, of which the rest goes too", async () => {
      for (let segments = 0; segments < 40; segments += 1)
        source.sql("shop", "INSERT INTO data.late SELECT 1; SELECT pg_switch_wal()");
      await archived();
      const { late } = await whileStopped("grep", "redo starts", "/tmp/recovery.log");
      expect(late).toBe(lateRows());
    });
  });

  it("go one by one, and leave nothing", async () => {
    for (const [i, stack] of clones.entries()) {
      const { code, text } = await stack.destroy();
      expect(code, text).toBe(0);
      expect(stack.remains()).toEqual([]);
      for (const other of [source, ...clones.slice(i + 1)])
        expect(other.sql("shop", "SELECT count(*) FROM data.customers")).toBe(String(ROWS));
    }
    expect((await source.cli("status")).code).toBe(0);
  });
});
