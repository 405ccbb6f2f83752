import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { InProcessStack } from "../in-process-stack";

const PASSPHRASE = "correct horse battery staple 17";

describe("a stack with backups", () => {
  let stack: InProcessStack;
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  const info = () => agent("pgbackrest", "--config=/etc/pgwright/pgbackrest.conf", "--output=json", "info");

  beforeAll(async () => {
    // Without backups first: switching them on is part of the test.
    stack = await InProcessStack.create({ roles: { owner: {} }, databases: { app: { owner: "owner" } } });
    await stack.up();
    stack.sql("app", "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n");
  });
  afterAll(() => stack.dispose());

  it("is refused while the passphrase is missing, and says how to set it", async () => {
    stack.configure((config) => {
      config.backup = { encrypted: true, repositories: [{}, { retention: { days: 14 } }] };
    });
    const { code, text } = await stack.preview();
    expect(code).not.toBe(0);
    expect(text).toMatch(/pgwright:backupPassphrase: is missing.*pulumi config set --secret pgwright:backupPassphrase/);
  });

  it("is refused while user 999 cannot write to a folder, and says what to run", async () => {
    const folder = join(stack.folder, "backups");
    const within = (path: string) => {
      stack.configure(({ backup }) => (backup!.repositories = [{}, { path }]));
      return stack.preview();
    };
    await stack.secret("backupPassphrase", PASSPHRASE);
    const missing = await within(folder);
    expect(missing.text).toContain(
      `folder ${folder} of the Docker host: does not exist; on the Docker host, run: install -d -o 999`,
    );
    expect(existsSync(folder)).toBe(false);
    mkdirSync(join(folder, "archive"), { recursive: true });
    docker(
      "run",
      "--rm",
      "--user",
      "0",
      "--volume",
      `${folder}:/f`,
      "--entrypoint",
      "chown",
      docker("inspect", "--format", "{{.Image}}", stack.container),
      "999",
      "/f",
    );
    const forbidden = await within(folder);
    expect(forbidden.code).not.toBe(0);
    expect(forbidden.text).toMatch(/user 999 of the containers cannot write to .*\/archive; .*chown -R 999:999/);
    stack.configure(({ backup }) => (backup!.repositories = [{}, { retention: { days: 14 } }]));
  });

  it("begins to archive with one restart, and has a full backup in each repository", async () => {
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toMatch(/creates the stanza and a first full backup in each repository/);
    const starts = () => (stack.logs().match(/database system is ready to accept connections/g) ?? []).length;
    const container = stack.containerId();
    await stack.up();
    // It needs other mounts, and so another container; that one has started PostgreSQL once.
    expect(stack.containerId()).not.toBe(container);
    expect(starts()).toBe(1);
    const [stanza] = JSON.parse(info());
    expect(stanza.status.code).toBe(0);
    expect(stanza.backup.map((each: { type: string; database: object }) => each.type)).toEqual(["full", "full"]);
    expect(stack.sql("postgres", "SELECT failed_count FROM pg_stat_archiver")).toBe("0");
    expect(stack.sql("app", "SELECT count(*) FROM t")).toBe("1000");
    const { code, text } = await stack.unchanged();
    expect(text).not.toMatch(/^ *[~+-] +pgwright/m);
    expect(code).toBe(0);
  });

  it("keeps the passphrase out of sight", async () => {
    const containers = [stack.container, `${stack.container}-agent`];
    const seen = [
      JSON.stringify(await stack.state()),
      ...containers.map((name) => docker("inspect", name)),
      ...containers.map((name) => docker("logs", name)),
      ...containers.map((name) =>
        docker("exec", name, "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"),
      ),
      agent("ls", "-l", "/etc/pgwright/pgbackrest.conf"),
    ];
    for (const text of seen) expect(text).not.toContain(PASSPHRASE);
    expect(seen.at(-1)).toMatch(/^-rw-r----- 1 root postgres/);
    // It is there, for those who need it, and what lies in the repository cannot be read without it.
    expect(agent("cat", "/etc/pgwright/pgbackrest.conf")).toContain(PASSPHRASE);
    expect(agent("sh", "-c", "head -c 8 /var/lib/pgbackrest/1/backup/*/backup.info")).toBe("Salted__");
  });

  it("makes other backups by the clock, and tells how they went", async () => {
    const before = JSON.parse(info())[0].backup.length as number;
    const schedule = (time: Date) =>
      stack.configure((config) => {
        config.backup!.incremental = `${time.getUTCMinutes()} ${time.getUTCHours()} * * *`;
      });
    schedule(new Date(Date.now() + 12 * 3_600_000));
    const preview = await stack.preview();
    expect(preview.changes.map(({ kind }) => kind)).toEqual(["BackupConfiguration"]);
    const container = stack.containerId();
    // A minute that begins in half a minute to one and a half: the update has to come first.
    schedule(new Date(Date.now() + 90_000));
    await stack.up();
    expect(stack.containerId()).toBe(container);
    const deadline = Date.now() + 180_000;
    while (JSON.parse(info())[0].backup.length < before + 2 && Date.now() < deadline) await sleep(2000);
    const made = JSON.parse(info())[0].backup.slice(before) as { type: string }[];
    expect(made.map(({ type }) => type)).toEqual(["incr", "incr"]);
    const reported = () =>
      stack.sql(
        "postgres",
        "SELECT string_agg(DISTINCT job || exit_code, ',') FROM pgwright.backup_runs WHERE job = 'incremental'",
      );
    while (reported() !== "incremental0" && Date.now() < deadline + 60_000) await sleep(2000);
    expect(reported()).toBe("incremental0");
    const { code, text } = await stack.cli("status");
    expect(text).toMatch(/backup, repository 2 +\d{8}-\d{6}F_\d{8}-\d{6}I, ended/);
    expect(text).toMatch(/next incremental +\d{4}-/);
    expect(code).toBe(0);
  });

  it("gives figures for alerts", async () => {
    const { code, text } = await stack.cli("metrics");
    expect(code).toBe(0);
    expect(text).toMatch(/^pgwright_backup_newest_timestamp_seconds\{type="full",repository="1"\} 1\d{9}/m);
    expect(text).toMatch(/^pgwright_backup_job_exit_code\{job="incremental",repository="2"\} 0$/m);
    expect(text).toMatch(/^pgwright_wal_missing_segments\{repository="1"\} 0$/m);
    expect(text).toMatch(/^pgwright_wal_waiting_segments [01]$/m);
    const next = /^pgwright_backup_job_next_timestamp_seconds\{job="full"\} (\d+)$/m.exec(text)?.[1];
    expect(Number(next)).toBeGreaterThan(Date.now() / 1000);
  });

  it("makes everything again that somebody takes away from a repository", async () => {
    agent("sh", "-c", "rm -rf /var/lib/pgbackrest/1/*");
    const preview = await stack.preview();
    expect(preview.messages.join("\n")).toMatch(/a repository has no backup of this server any more/);
    await stack.up();
    expect(JSON.parse(info())[0].status.code).toBe(0);
    expect((await stack.preview()).changes).toEqual([]);
  });

  it("leaves nothing", async () => {
    expect((await stack.destroy()).code).toBe(0);
    expect(stack.remains()).toEqual([]);
  });
});
