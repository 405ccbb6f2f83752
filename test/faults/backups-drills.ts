import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { damageNewestBackup } from "../integration/backup/repository";
import { eventually } from "../integration/eventually";
import { docker, TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";

const CONF = "--config=/etc/pgwright/pgbackrest.conf";

/** Bytes of the disk that the repository is on. */
const DISK = "2g";

const run = (...command: string[]) => {
  const [program = "", ...args] = command;
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
};

/** What happens to repositories, agents, clocks and keys. Each has to be reported by status, by a drill or by a preview. */
export async function faultDrills(checks: Checks): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), "pgwright-test-repository-"));
  run("mount", "-t", "tmpfs", "-o", `size=${DISK},uid=999,gid=999,mode=0750`, "tmpfs", disk);
  const stack = await TestStack.create({
    // libfaketime: to give one program another clock.
    image: { packages: ["libfaketime"] },
    backup: {
      repositories: [{ path: disk, retention: { full: 2 } }],
      archiveTimeout: "5s",
      mostWaiting: "128MB",
      drill: { checks: [{ database: "app", query: "SELECT count(*) >= 1000 FROM t" }] },
      compression: "lz4",
    },
    roles: { owner: {} },
    databases: { app: { owner: "owner" } },
  });
  try {
    await stack.tryUp(); // the drill wants a table that is not there yet
    stack.sql("app", "CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 1000) AS g");
    const { code, text } = await stack.tryUp();
    expect(code === 0, text);
    await onRepository(stack, disk, checks);
    await onAgent(stack, checks);
    await onNames(stack, disk, checks);
    await onClock(docker("inspect", "--format", "{{.Config.Image}}", stack.container), checks);
  } finally {
    await stack.dispose();
    spawnSync("umount", [disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}

const inAgent = (stack: TestStack, ...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);

const status = async (stack: TestStack) => (await stack.cli("status")).text;
const waiting = (stack: TestStack) =>
  Number(stack.sql("postgres", "SELECT waiting_segments FROM pgwright.backup_archive()"));

async function drillPasses(stack: TestStack): Promise<void> {
  const { code, text } = await stack.cli("drill");
  expect(code === 0, text);
}

async function onRepository(stack: TestStack, disk: string, checks: Checks): Promise<void> {
  const comesBack = async (mend: () => void) => {
    for (let i = 0; i < 3; i++)
      stack.sql("app", "INSERT INTO t SELECT generate_series(1, 1000); SELECT pg_switch_wal()");
    await eventually("status tells that the archive fails", async () =>
      /! archive +failing since/.test(await status(stack)),
    );
    stack.sql("app", "INSERT INTO t SELECT 1");
    mend();
    await eventually("the archive catches up", () => waiting(stack) <= 1, { seconds: 150 });
    await eventually("status is content", async () => !/failing/.test(await status(stack)));
    await drillPasses(stack);
  };
  await checks.that("repository full: reported, the server goes on, the WAL comes later", () => {
    const ballast = join(disk, "ballast");
    spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k", "status=none"]); // until there is no room
    return comesBack(() => rmSync(ballast));
  });
  await checks.that("repository read-only: reported, the server goes on, the WAL comes later", () => {
    run("mount", "-o", "remount,ro", disk);
    return comesBack(() => run("mount", "-o", "remount,rw", disk));
  });
  await checks.that("WAL beyond mostWaiting: given up, reported, and a backup begins anew", async () => {
    run("mount", "-o", "remount,ro", disk);
    for (let i = 0; i < 12; i++) stack.sql("app", "INSERT INTO t SELECT 1; SELECT pg_switch_wal()");
    await eventually("WAL is given up", () => waiting(stack) < 8);
    run("mount", "-o", "remount,rw", disk);
    stack.sql("app", "INSERT INTO t SELECT 1; SELECT pg_switch_wal()");
    await eventually("the archive goes on", () => waiting(stack) <= 1, { seconds: 150 });
    await eventually("status tells of the hole", async () => {
      inAgent(stack, "sh", "-c", "rm -f /tmp/agent-reported; report.sh"); // as it does every ten minutes
      return /! archive, repository 1 +\d+ WAL segments are missing before [0-9A-F]{24}/.test(await status(stack));
    });
    const { code, text } = await stack.cli("drill");
    expect(code !== 0, `a drill passes over the hole: ${text}`);
    await stack.cli("backup", "differential");
    const after = await status(stack);
    expect(!/are missing/.test(after), after);
    await drillPasses(stack);
  });
  await checks.that("a backup into a repository that is read-only fails, and status says so", async () => {
    run("mount", "-o", "remount,ro", disk);
    const { code } = await stack.cli("backup", "full");
    const reported = await status(stack);
    run("mount", "-o", "remount,rw", disk);
    expect(code !== 0 && /! failed, repository 1 +full/.test(reported), reported);
    const again = await stack.cli("backup", "full");
    expect(
      again.code === 0 && !/failed, repository/.test(await status(stack)),
      "it is still reported after a good one",
    );
  });
  await checks.that(
    "a WAL segment that is missing fails the drill and verify, and a full backup mends it",
    async () => {
      stack.sql("app", "INSERT INTO t SELECT 1; SELECT pg_switch_wal()");
      const segment = stack.sql("app", "INSERT INTO t SELECT 2; SELECT pg_walfile_name(pg_switch_wal() - 1)");
      await eventually(
        "it is archived",
        () => stack.sql("postgres", "SELECT last_archived_wal FROM pg_stat_archiver") >= segment,
      );
      inAgent(stack, "sh", "-c", `rm /var/lib/pgbackrest/1/archive/*/*/*/${segment}-*`);
      const { code, text } = await stack.cli("drill");
      expect(code !== 0 && /! restore drill +\S+ FAILED/.test(text), text);
      const verified = await stack.cli("backup", "verify");
      expect(verified.code !== 0, `verify does not see it: ${verified.text}`);
      await stack.cli("backup", "full");
      await drillPasses(stack);
    },
  );
  await checks.that("a byte that has changed in a backup is found by verify", async () => {
    await stack.cli("backup", "full");
    const before = await stack.cli("backup", "verify");
    expect(before.code === 0, `verify complains of a good repository: ${before.text}`);
    damageNewestBackup(stack.container);
    const { code } = await stack.cli("backup", "verify");
    const reported = await status(stack);
    expect(code !== 0 && /! failed, repository 1 +verify/.test(reported), reported);
    await stack.cli("backup", "full");
    await drillPasses(stack);
  });
}

async function onAgent(stack: TestStack, checks: Checks): Promise<void> {
  await checks.that("agent killed in mid-backup: reported, started by up, and the next backup is whole", async () => {
    const backup = stack.cli("backup", "full");
    await eventually("the backup runs", () => {
      const processes = docker("top", `${stack.container}-agent`);
      return /pgbackrest.*--type=full.*backup/.test(processes);
    });
    docker("kill", `${stack.container}-agent`);
    expect((await backup).code !== 0, "the command says that it went well");
    expect(/! backup agent +\S+ is exited/.test(await status(stack)), await status(stack));
    const { code, text } = await stack.tryUp();
    expect(code === 0 && /agent does not run: the update starts it/.test(text), text);
    expect((await stack.cli("backup", "full")).code === 0, "no backup after it");
    await drillPasses(stack);
  });
}

/** The server's clock decides, so the server gets another one: an image of its own, whose programs look into a file. */
async function onClock(image: string, checks: Checks): Promise<void> {
  const tag = "pgwright/postgres:test-clock";
  const lines = [
    `FROM ${image}`,
    "ENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1 FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1",
    "ENV FAKETIME_TIMESTAMP_FILE=/var/lib/postgresql/data/clock",
  ];
  const built = spawnSync("docker", ["build", "--tag", tag, "-"], { input: lines.join("\n"), encoding: "utf8" });
  expect(built.status === 0, built.stderr);
  const stack = await TestStack.create({ image: { name: tag }, backup: { archiveTimeout: "5s", drill: {} } });
  const clock = (offset: string) => {
    for (const container of [stack.container, `${stack.container}-drill`])
      docker("exec", container, "sh", "-c", `echo "${offset}" > /var/lib/postgresql/data/clock`);
  };
  try {
    await checks.that(
      "a clock that jumps ahead and back: no backup that is out of order, reported, and then whole again",
      async () => {
        await stack.up();
        clock("+3d");
        expect((await stack.cli("backup", "full")).code === 0, "no backup while the clock is ahead");
        clock("+0");
        const { code, text } = await stack.cli("backup", "full");
        expect(code !== 0 && /not later than|clock/.test(text), `${code}: ${text}`);
        expect(/! failed, repository 1 +full/.test(await status(stack)), await status(stack));
        clock("+4d");
        expect((await stack.cli("backup", "full")).code === 0, "no backup once the time has come");
        await drillPasses(stack);
      },
    );
  } finally {
    await stack.dispose();
    spawnSync("docker", ["rmi", tag]);
  }
}

async function onNames(stack: TestStack, disk: string, checks: Checks): Promise<void> {
  const second = await TestStack.create({
    image: { packages: ["libfaketime"] },
    backup: { name: stack.container, repositories: [{ path: disk }], compression: "lz4" },
  });
  try {
    await checks.that("two servers cannot have one name in a repository", async () => {
      const { code, messages } = await second.preview();
      expect(code !== 0 && /holds backups of a server named/.test(messages.join()), messages.join("\n"));
      const up = await second.tryUp();
      expect(up.code !== 0, "up goes where preview refuses");
    });
    await checks.that("two servers with names of their own can share a repository", async () => {
      second.configure((config) => delete config.backup?.name);
      const { code, text } = await second.tryUp();
      expect(code === 0, text);
      await drillPasses(stack);
    });
  } finally {
    await second.dispose();
  }
  await checks.that("a backup that retention has taken is refused, with those that there are", async () => {
    const labels = (): string[] =>
      inAgent(stack, "pgbackrest", CONF, `--stanza=${stack.container}`, "info").match(/\d{8}-\d{6}F/g) ?? [];
    const oldest = labels()[0] as string;
    for (let i = 0; i < 2; i++) {
      const { code, text } = await stack.cli("backup", "full");
      expect(code === 0, text);
    }
    expect(!labels().includes(oldest), "retention keeps more than it says");
    stack.configure((config) => (config.restoreFrom = { inPlace: true, backup: oldest }));
    const { messages } = await stack.preview();
    expect(/has no backup .*; there are \d{8}/.test(messages.join()), messages.join("\n"));
    stack.configure((config) => delete config.restoreFrom);
  });
  await checks.that("the passphrase of a repository cannot change, and a wrong one restores nothing", async () => {
    const encrypted = await TestStack.create({ backup: { encrypted: true } });
    const clone = await TestStack.create({
      restoreFrom: {
        server: encrypted.container,
        repository: { volume: `${encrypted.container}-backup`, encrypted: true },
      },
    });
    try {
      await encrypted.secret("backupPassphrase", "one passphrase that is long");
      await encrypted.up();
      await encrypted.secret("backupPassphrase", "another passphrase, as long");
      const { messages } = await encrypted.preview();
      expect(
        /backupPassphrase: the encryption of a repository cannot change/.test(messages.join()),
        messages.join("\n"),
      );
      await clone.secret("restorePassphrase", "another passphrase, as long");
      const { code, text } = await clone.tryUp();
      expect(code !== 0 && /cipher|decrypt|passphrase/i.test(text), text);
    } finally {
      await clone.dispose();
      await encrypted.dispose();
    }
  });
}
