import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "../stack";

describe("restore drills", () => {
  let stack: TestStack;
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);

  beforeAll(async () => {
    stack = await TestStack.create({
      backup: {
        compression: "none",
        drill: { maxAge: "1d", checks: [{ database: "app", query: "SELECT count(*) = 1000 FROM t" }] },
      },
      roles: { owner: {} },
      databases: { app: { owner: "owner" } },
    });
  });
  afterAll(() => stack.dispose());

  it("fail the deploy whose backup does not hold what is asked of it", async () => {
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /the restore drill has failed:.*SELECT count\(\*\) = 1000 FROM t.*relation "t" does not exist/,
    );
  });

  it("pass once it does, with evidence", async () => {
    stack.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n; CREATE INDEX ON t (n)");
    agent("backup.sh", "full");
    const { code, text } = await stack.tryUp();
    expect(text).toMatch(/drill-\d{8}T\d{6}Z has passed: from \d{8}-\d{6}F, recovered to .*, in \d+ s/);
    expect(code).toBe(0);
    const evidence = agent("tail", "-n", "9", "/var/lib/pgwright/drill-checks.tsv").split("\n");
    const [last = ""] = (evidence.at(-1) ?? "").split("\t");
    const checks = evidence.filter((line) => line.startsWith(last)).map((line) => line.split("\t").slice(1, 3));
    expect(Object.fromEntries(checks)).toEqual({
      "restore and recovery": "t",
      "row before the mark": "t",
      "row after the mark": "t",
      "extensions and roles of app": "t",
      "extensions and roles of postgres": "t",
      "tables and btree indexes (amcheck)": "t",
      "SELECT count(*) = 1000 FROM t": "t",
      "checksums of all pages": "t",
    });
    const unchanged = await stack.unchanged();
    expect(unchanged.code, unchanged.text).toBe(0);
  });

  it("have no network, cannot write to the repositories, and leave no copy behind", () => {
    const drill = (...command: string[]) => docker("exec", `${stack.container}-drill`, ...command);
    expect(docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", `${stack.container}-drill`)).toBe("none");
    expect(() => drill("touch", "/var/lib/pgbackrest/1/x")).toThrow(/Read-only file system/);
    expect(drill("ls", "/var/lib/postgresql/data")).not.toMatch(/pgdata/);
  });

  it("find a byte that has changed in a backup, loudly, and fail the previews until it is mended", async () => {
    // In the middle of the largest file of the newest backup.
    agent(
      "bash",
      "-c",
      `file=$(find -L /var/lib/pgbackrest/1/backup/*/latest -type f -printf '%s %p\\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
       at=$(($(stat -c %s "$file") / 2))
       old=$(od -An -tu1 -j $at -N 1 "$file")
       printf "\\\\x$(printf %x $(((old + 1) % 256)))" | dd of="$file" bs=1 seek=$at conv=notrunc status=none`,
    );
    const { code, text } = await stack.cli("drill");
    expect(code).not.toBe(0);
    expect(text).toMatch(/! restore drill +drill-\S+ FAILED/);
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(
      /the last restore drill, drill-\S+, has failed: npm run drill tries again/,
    );
    await stack.cli("backup", "full");
    expect((await stack.cli("drill")).code).toBe(0);
    expect((await stack.preview()).changes).toEqual([]);
  });
});
