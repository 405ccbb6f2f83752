import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { InProcessStack } from "../in-process-stack";

const SET = {
  interval: "1 month",
  premake: 1,
  retention: { age: "3 months", then: "archive", schema: "old", dump: true },
} as const;

describe("partitions that retention dumps", () => {
  let stack: InProcessStack;
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  const sql = (text: string) => stack.sql("app", text);
  const archived = () =>
    sql(
      "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'old'::regnamespace AND relkind IN ('r', 'p')",
    );
  const foreignKeys = (table: string) =>
    sql(`SELECT count(*) FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'f'`);
  const months = (n: number) => `date_trunc('month', now()) - interval '${n} months'`;

  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: { dumps: {} },
      roles: { keeper: { login: true, password: false }, reader: {} },
      databases: { app: { owner: "keeper", schemas: { data: {}, old: {} } } },
    });
    await stack.up();
    sql(`SET ROLE keeper; CREATE TABLE data.kinds (kind int PRIMARY KEY); INSERT INTO data.kinds VALUES (1), (2);
         CREATE TABLE data.events (at timestamptz NOT NULL, what text, kind int REFERENCES data.kinds) PARTITION BY RANGE (at)`);
    for (const n of [5, 4, 1])
      sql(`SET ROLE keeper; CREATE TABLE data.events_${n} PARTITION OF data.events FOR VALUES FROM (${months(n)}) TO (${months(n - 1)});
           INSERT INTO data.events SELECT ${months(n)} + i * interval '1 minute', E'a\\tb\\n\\\\.\\nCOPY x FROM stdin;' || i, 1 FROM generate_series(1, 1000) AS i`);
  });
  afterAll(() => stack.dispose());

  it("are refused without somebody who makes the dumps", async () => {
    stack.configure((config) => {
      delete config.backup?.dumps;
      config.databases!.app!.partitions = { sets: { "data.events": SET } };
    });
    expect((await stack.preview()).text).toMatch(
      /retention.dump: the backup agent writes the dumps; declare backup: {dumps: {}} too/,
    );
    stack.configure((config) => (config.backup = { dumps: {} }));
  });

  it("are archived first, and stay while the dump does not succeed", async () => {
    await stack.up();
    expect(archived()).toBe("events_4 events_5");
    // A folder that nobody can write into.
    agent("sh", "-c", "mkdir -p /var/lib/pgwright-dumps/archive/app && chmod 500 /var/lib/pgwright-dumps/archive/app");
    expect((await stack.cli("backup", "dump")).code).not.toBe(0);
    expect(archived()).toBe("events_4 events_5");
    expect((await stack.cli("status")).text).toMatch(/! failed +dump/);
    agent("chmod", "700", "/var/lib/pgwright-dumps/archive/app");
  });

  it("stay while somebody writes, and while the file does not hold what the table holds", async () => {
    const writer = spawnSync("docker", [
      "exec",
      "--detach",
      stack.container,
      "psql",
      "-U",
      "postgres",
      "-d",
      "app",
      "-c",
      "BEGIN; DELETE FROM old.events_5; SELECT pg_sleep(20); ROLLBACK",
    ]);
    expect(writer.status).toBe(0);
    const sleeping = () =>
      sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()") !==
      "0";
    while (!sleeping()) await sleep(100);
    expect((await stack.cli("backup", "dump")).code).not.toBe(0);
    expect(archived()).toBe("events_5");
    while (sleeping()) await sleep(500);
    const wrong = spawnSync(
      "docker",
      [
        "exec",
        "--env",
        "PATH=/tmp/wrong:/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin",
        `${stack.container}-agent`,
        "bash",
        "-c",
        "mkdir -p /tmp/wrong && printf '#!/bin/bash\necho 999\n' > /tmp/wrong/archive-table.sh && chmod 755 /tmp/wrong/archive-table.sh; archive.sh app",
      ],
      { encoding: "utf8" },
    );
    expect(wrong.status).not.toBe(0);
    expect(wrong.stderr).toMatch(/old.events_5 was not dropped: it has 1000 rows, and its dump 999/);
    expect(archived()).toBe("events_5");
  });

  it("are dropped once they are in a file, and come back with all their rows", async () => {
    const { code, text } = await stack.cli("backup", "dump");
    expect(code, text).toBe(0);
    expect(text).toMatch(/1000 rows of old.events_5 are in old.events_5_\d{8}T\d{6}Z.dump/);
    expect(archived()).toBe("");
    expect(
      sql("SELECT string_agg(name || ' ' || row_count, ', ' ORDER BY name) FROM pgwright.partition_archives"),
    ).toBe("old.events_4 1000, old.events_5 1000");
    expect(sql("SELECT count(*) FROM data.events")).toBe("1000");
    const quiet = await stack.unchanged();
    expect(quiet.code, quiet.text).toBe(0);
    const listed = await stack.cli("archive", "app");
    expect(listed.text).toMatch(/old.events_4, 1000 rows, of data.events, dumped/);
    const back = await stack.cli("archive", "app", "old.events_4");
    expect(back.code, back.text).toBe(0);
    expect(back.text).not.toContain("not restored");
    expect(foreignKeys("old.events_4")).toBe("1");
    const attach = /to attach it again: (.*)/.exec(back.text)?.[1] as string;
    expect(sql("SELECT count(*) || ' ' || count(DISTINCT what) FROM old.events_4")).toBe("1000 1000");
    expect(attach).toMatch(/^ALTER TABLE data.events ATTACH PARTITION old.events_4 FOR VALUES FROM \(/);
    // It is nobody's business but its owner's now: no run takes it away again.
    expect((await stack.cli("backup", "dump")).code).toBe(0);
    expect(archived()).toBe("events_4");
    sql(`${attach}; SELECT 1`);
    expect(sql("SELECT count(*) FROM data.events")).toBe("2000");
  });

  it("come back without what no longer fits, which is named, and with the row security that their table has by then", async () => {
    const row = "INSERT INTO data.events (at, what, kind)";
    sql(`CREATE ROLE gone; SET ROLE keeper; CREATE TABLE data.events_9 PARTITION OF data.events FOR VALUES FROM (${months(9)}) TO (${months(8)});
         ${row} VALUES (${months(9)}, 'mine', 1), (${months(9)}, 'theirs', 2); GRANT SELECT ON data.events_9 TO gone, reader;
         COMMENT ON CONSTRAINT events_kind_fkey ON data.events_9 IS 'a comment'`);
    expect((await stack.cli("backup", "dump")).code).toBe(0);
    sql("CALL pgwright.maintain_partitions()");
    expect((await stack.cli("backup", "dump")).code).toBe(0);
    expect(sql("SELECT to_regclass('old.events_9') IS NULL")).toBe("t");
    sql(`DROP ROLE gone; DELETE FROM data.kinds WHERE kind = 2; GRANT USAGE ON SCHEMA old TO reader;
         ALTER TABLE data.events ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON data.events USING (what = 'mine')`);
    const back = await stack.cli("archive", "app", "old.events_9");
    expect(back.code, back.text).toBe(0);
    expect(back.text).toMatch(/old.events_9: not restored: .*violates foreign key constraint "events_kind_fkey"/);
    expect(back.text).toMatch(/Key \(kind\)=\(2\) is not present in table "kinds"/);
    expect(back.text).toMatch(/old.events_9: not restored: role "gone" does not exist/);
    expect(sql("SELECT count(*) FROM old.events_9")).toBe("2");
    expect(sql("SET ROLE reader; SELECT string_agg(what, ' ') FROM old.events_9")).toBe("mine");
    sql("ALTER TABLE old.events_9 RENAME TO other");
    // A policy on a column that the dump does not have.
    sql(`ALTER TABLE data.events ADD COLUMN tenant int; ALTER POLICY mine ON data.events USING (tenant = 1)`);
    expect((await stack.cli("archive", "app", "old.events_9")).text).toMatch(
      /old.events_9: not restored: policies of data.events cannot be created: column "tenant" does not exist; until policies exist, only the owner sees the rows/,
    );
    expect(sql("SET ROLE reader; SELECT count(*) FROM old.events_9")).toBe("0");
  });
});
