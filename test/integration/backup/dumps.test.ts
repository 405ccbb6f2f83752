import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDrills } from "../../../backup/ledgers";
import { docker } from "../stack";
import { InProcessStack } from "../in-process-stack";

const TENANT = "tenant=7 a/b%c";

describe("logical dumps", () => {
  let stack: InProcessStack;
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  const folders = () => agent("ls", "/var/lib/pgwright-dumps").split("\n");

  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: { dumps: { keep: 2, databases: { 'odd "name"': { schemas: ["Data one"] } } } },
      roles: { owner: {}, reader: { login: true } },
      databases: {
        'odd "name"': { owner: "owner", schemas: { "Data one": {}, other: {} } },
        [TENANT]: { owner: "owner" },
      },
    });
    await stack.up();
    stack.sql(
      'odd "name"',
      `CREATE TABLE "Data one".t AS SELECT generate_series(1, 100) AS n; CREATE TABLE other.t (n int)`,
    );
  });
  afterAll(() => stack.dispose());

  it("are made of what is asked for, with the roles, and come back whole", async () => {
    expect((await stack.cli("backup", "dump")).code).toBe(0);
    const folder = `/var/lib/pgwright-dumps/${folders()[0]}`;
    expect(agent("ls", folder).split("\n").sort()).toEqual(["globals.sql", 'odd "name".dump']);
    expect(agent("cat", `${folder}/globals.sql`)).toMatch(/CREATE ROLE reader;/);
    const server = ["--host=/var/lib/postgresql/data/socket", "--username=postgres"];
    const list = agent("pg_restore", "--list", `${folder}/odd "name".dump`);
    expect(list).toMatch(/TABLE DATA Data one t/);
    expect(list).not.toMatch(/other/);
    stack.sql("postgres", "CREATE DATABASE copy");
    agent("pg_restore", ...server, "--dbname=copy", "--exit-on-error", `${folder}/odd "name".dump`);
    expect(stack.sql("copy", 'SELECT sum(n) FROM "Data one".t')).toBe("5050");
    stack.sql("postgres", "DROP DATABASE copy");
  });

  it("are kept as many as it is said", () => {
    const first = folders();
    // Each a dump and a run of its own, however soon the next one follows.
    agent("sh", "-c", "backup.sh dump && backup.sh dump");
    expect(folders()).toHaveLength(2);
    expect(folders()).not.toContain(first[0]);
    expect(stack.sql("postgres", "SELECT count(*) FROM pgwright.backup_runs WHERE job = 'dump'")).toBe("3");
  });

  it("fail loudly, and leave the ones before", async () => {
    const before = folders();
    stack.sql("postgres", `ALTER DATABASE "odd ""name""" RENAME TO gone`);
    const { code } = await stack.cli("backup", "dump");
    expect(code).not.toBe(0);
    expect(folders().filter((name) => !name.endsWith(".partial"))).toEqual(before);
    expect((await stack.cli("status")).text).toMatch(/! failed.* dump, .*database "odd "name"" does not exist/);
    stack.sql("postgres", `ALTER DATABASE gone RENAME TO "odd ""name"""`);
    await stack.cli("backup", "dump");
    expect((await stack.cli("status")).text).not.toMatch(/failed/);
  });

  it("of all databases, and drills, go by any name that PostgreSQL takes", async () => {
    stack.sql("postgres", `CREATE DATABASE "..'x\\=y/%"`);
    stack.sql(TENANT, "SET ROLE owner; CREATE TABLE t AS SELECT generate_series(1, 7) AS n");
    const checks = [{ database: TENANT, query: "SELECT count(*) = 7 FROM t" }];
    stack.configure((config) => {
      config.backup = { dumps: { keep: 2 }, drill: { checks, tables: { [TENANT]: ["public.t"] } } };
    });
    await stack.up();
    const { checks: results = [] } = parseDrills(agent("cat", "/var/lib/pgwright/drills.jsonl")).at(-1) ?? {};
    const names = results.map(({ what }) => what);
    for (const name of [TENANT, "..'x\\=y/%", 'odd "name"']) expect(names).toContain(`extensions and roles of ${name}`);
    expect(names).toContain(`rows of public.t in ${TENANT}`);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    stack.sql("postgres", `ALTER DATABASE "..'x\\=y/%" RENAME TO "..\n'x\\=y\n"`);
    expect((await stack.cli("backup", "dump")).code).toBe(0);
    expect((await stack.cli("backup", "full")).text).toMatch(
      /name has a line break, or a space at an end, so pgBackRest cannot restore a backup of it/,
    );
    const folder = folders().at(-1) as string;
    expect(agent("ls", "--escape", `/var/lib/pgwright-dumps/${folder}`).split("\n").sort()).toEqual(
      [
        "%2E.%0A'x\\\\=y%0A.dump",
        "globals.sql",
        'odd\\ "name".dump',
        "postgres.dump",
        "tenant=7\\ a%2Fb%25c.dump",
      ].sort(),
    );
  });

  it("and drills run none of psql's own commands that a check has", () => {
    const check = `. common.sh; . run-role.sh; checked ask postgres owner <<<'\\! touch /tmp/seen' || true`;
    expect(agent("bash", "-c", check)).toContain("backslash commands are restricted");
    expect(agent("ls", "/tmp")).not.toContain("seen");
  });
});
