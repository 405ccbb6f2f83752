import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDrills } from "../../../backup/ledgers";
import { docker } from "../stack";
import { damageNewestBackup } from "./repository";
import { InProcessStack } from "../in-process-stack";

describe("restore drills", () => {
  let stack: InProcessStack;
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);

  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: {
        compression: "none",
        drill: {
          maxAge: "1d",
          checks: [{ database: "app", query: "SELECT count(*) = 1000 FROM t" }],
          tables: { app: ["public.t", "public.Busy", "public.slow"] },
          recall: { app: { "public.things_idx": 0.9 } },
        },
      },
      roles: { owner: {} },
      databases: { app: { owner: "owner", extensions: { vector: {} } } },
    });
  });
  afterAll(() => stack.dispose());

  it("fail the deploy whose tables they cannot count", async () => {
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/the restore drill failed:.*relation "public.t" does not exist/);
  });

  it("fail the deploy whose backup does not hold what is asked of it", async () => {
    stack.sql(
      "app",
      `SET ROLE owner;
       CREATE TABLE t AS SELECT generate_series(1, 999) AS n;
       CREATE INDEX ON t (n);
       CREATE VIEW slow AS SELECT FROM pg_sleep(0.6);
       CREATE TABLE "Busy" (at timestamptz DEFAULT now());
       SELECT setseed(0.5);
       CREATE TABLE things AS
       SELECT (SELECT array_agg(random()) FROM generate_series(1, 64) WHERE n > 0)::vector(64) AS v FROM generate_series(1, 2000) AS n;
       CREATE INDEX things_idx ON things USING hnsw (v vector_cosine_ops) WITH (m = 2, ef_construction = 4)`,
    );
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /the restore drill failed: SELECT count\(\*\) = 1000 FROM t: f; recall of public.things_idx in app: 0\.\d+; 0.9 at least/,
    );
  });

  it("pass once it does, with evidence, also of tables that are written to", async () => {
    stack.sql("app", "INSERT INTO t VALUES (1000); DROP INDEX things_idx");
    stack.sql("app", "CREATE INDEX things_idx ON things USING hnsw (v vector_cosine_ops)");
    // What a database says of its sessions does not cut a drill short.
    stack.sql("postgres", "ALTER DATABASE app SET statement_timeout = '400ms'");
    const insert = `echo 'INSERT INTO "Busy" DEFAULT VALUES \\watch 0.002' | timeout 120 psql -q -U postgres app >/dev/null`;
    docker("exec", "--detach", stack.container, "bash", "-c", insert);
    agent("backup.sh", "full");
    const { code, text } = await stack.tryUp();
    expect(text).toMatch(/drill-\d{8}T\d{6}Z has passed: from \d{8}-\d{6}F, recovered to .*, in \d+ s/);
    expect(code).toBe(0);
    const { checks = [] } = parseDrills(agent("cat", "/var/lib/pgwright/drills.jsonl")).at(-1) ?? {};
    expect(Object.fromEntries(checks.map(({ what, passed }) => [what, passed]))).toEqual({
      "restore and recovery": true,
      "row before the restore point": true,
      "row after the restore point": true,
      "extensions and roles of app": true,
      "extensions and roles of postgres": true,
      "tables and btree indexes (amcheck)": true,
      "SELECT count(*) = 1000 FROM t": true,
      "rows of public.t in app": true,
      'rows of public."Busy" in app': true,
      "rows of public.slow in app": true,
      "recall of public.things_idx in app": true,
      "checksums of all pages": true,
    });
    const details = Object.fromEntries(checks.map(({ what, detail }) => [what, detail]));
    expect(details["rows of public.t in app"]).toBe("1000; at the restore point 1000");
    expect(details['rows of public."Busy" in app']).toMatch(/^[1-9]\d+; at the restore point \d+( to \d+)?$/);
    const reported = stack.sql(
      "postgres",
      "SELECT count(*), bool_and(passed) FROM pgwright.restore_drill_checks WHERE drill = (SELECT drill FROM pgwright.restore_drills ORDER BY ended_at DESC LIMIT 1)",
    );
    expect(reported).toBe(`${checks.length}|t`);
    const unchanged = await stack.unchanged();
    expect(unchanged.code, unchanged.text).toBe(0);
  });

  it("have no network, cannot write to the repositories, and leave no copy behind", () => {
    const drill = (...command: string[]) => docker("exec", `${stack.container}-drill`, ...command);
    expect(docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", `${stack.container}-drill`)).toBe("none");
    expect(() => drill("touch", "/var/lib/pgbackrest/1/x")).toThrow(/Read-only file system/);
    expect(drill("ls", "/var/lib/postgresql/data")).not.toMatch(/pgdata/);
  });

  it("restore tablespaces, also one that was made after the backup, and leave no files of them", async () => {
    const folder = "/var/lib/postgresql/data/aside";
    stack.inServer("mkdir", folder);
    stack.sql("app", `CREATE TABLESPACE aside LOCATION '${folder}'`);
    stack.sql("app", "CREATE TABLE far TABLESPACE aside AS SELECT 1 AS n");
    const replayed = await stack.cli("drill");
    expect(replayed.code, replayed.text).toBe(0);
    agent("backup.sh", "full");
    const restored = await stack.cli("drill");
    expect(restored.code, restored.text).toBe(0);
    expect(docker("exec", `${stack.container}-drill`, "ls", folder)).toBe("");
    stack.sql("app", "DROP TABLE far");
    stack.sql("app", "DROP TABLESPACE aside");
  });

  it("find a byte that has changed in a backup, loudly, and fail the previews until it is mended", async () => {
    damageNewestBackup(stack.container);
    const { code, text } = await stack.cli("drill");
    expect(code).not.toBe(0);
    expect(text).toMatch(/! restore drill +drill-\S+ FAILED/);
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(
      /the last restore drill, drill-\S+, has failed; run npm run drill, which tries again/,
    );
    await stack.cli("backup", "full");
    expect((await stack.cli("drill")).code).toBe(0);
    expect((await stack.preview()).changes).toEqual([]);
  });
});
