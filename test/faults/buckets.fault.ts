import { setTimeout as sleep } from "node:timers/promises";
import { ObjectStore } from "../integration/backup/object-store";
import { eventually } from "../integration/eventually";
import { docker, TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";

// An object store that goes away: it holds up neither the server nor the other repository, and gets what it has missed.
//   npm run test:faults -- buckets

export async function run(): Promise<void> {
  const checks = new Checks();
  const store = await ObjectStore.start();
  const stack = await TestStack.create({
    backup: { repositories: [{}, store.repository()], archiveTimeout: "5s", drill: {} },
    roles: { owner: {} },
    databases: { app: { owner: "owner" } },
  });
  try {
    await store.giveKeys(stack, "backupS3");
    await stack.up();
    stack.sql("app", "CREATE TABLE t AS SELECT g AS n, md5(g::text) AS text FROM generate_series(1, 300000) AS g");
    await store.stop();
    await whileAway(stack, store, checks);
    await store.run();
    await onceBack(stack, store, checks);
  } finally {
    await stack.dispose();
    await store.dispose();
  }
  checks.close();
}

const inAgent = (stack: TestStack, ...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
const status = async (stack: TestStack) => (await stack.cli("status")).text;
const switchWal = (stack: TestStack) =>
  stack
    .sql("postgres", "SELECT pg_create_restore_point('x'); SELECT pg_walfile_name(pg_switch_wal() - 1)")
    .split("\n")
    .at(-1) ?? "";

async function whileAway(stack: TestStack, store: ObjectStore, checks: Checks): Promise<void> {
  await checks.that("the other repository gets WAL while the object store is away", async () => {
    const segment = switchWal(stack);
    const there = () => inAgent(stack, "find", "/var/lib/pgbackrest/1/archive", "-name", `${segment}*`) !== "";
    await eventually("the segment is in the volume", there, { seconds: 300 });
  });
  await checks.that("status tells that the archive fails, and which repository cannot be read", async () => {
    const reported = async () =>
      /! repository 2 +cannot be read: \S* ?unable to connect/.test(await status(stack)) &&
      /! archive +failing since/.test(await status(stack));
    await eventually("status tells it", reported, { seconds: 500 });
  });
  await checks.that("a preview says that a new bucket does not answer", async () => {
    stack.configure(({ backup }) => backup!.repositories!.push(store.repository({ folder: "another" })));
    const { code, messages } = await stack.preview();
    stack.configure(({ backup }) => backup!.repositories!.pop());
    expect(code !== 0, "the preview does not fail");
    expect(/the endpoint does not answer; correct s3.endpoint, or let/.test(messages.join()), messages.join("\n"));
  });
  await checks.that("the agent stays healthy", async () => {
    await eventually("healthy", () => health(stack) === "healthy", { seconds: 60 });
  });
  await checks.that("a drill says that its mark is not in every archive", async () => {
    const { code, text } = await stack.cli("drill");
    expect(code !== 0 && /not archived within a minute/.test(text), text);
  });
  await checks.that("a setting is changed meanwhile, with a restart", async () => {
    stack.configure((config) => {
      config.server = { ...config.server, connections: 15 };
    });
    const started = Date.now();
    const { code, text } = await stack.tryUp();
    expect(code === 0, text);
    expect(stack.sql("postgres", "SHOW max_connections") === "15", "max_connections is not 15");
    expect(Date.now() - started < 400_000, `took ${(Date.now() - started) / 1000} s`);
    expect(!/was interrupted|was not properly shut down/.test(stack.logs()), "the server had to recover");
  });
  await checks.that("the volume restores the server", async () => {
    const point = `lost ${Date.now()}`;
    stack.sql("app", `SELECT pg_create_restore_point('${point}')`);
    const segment = switchWal(stack);
    stack.sql("app", "DELETE FROM t");
    const there = () => inAgent(stack, "find", "/var/lib/pgbackrest/1/archive", "-name", `${segment}*`) !== "";
    await eventually("the segment is in the volume", there, { seconds: 300 });
    stack.configure((config) => {
      config.restoreFrom = { inPlace: true, name: point };
      delete config.backup!.drill;
    });
    const { messages } = await stack.preview();
    const without = /the restore continues without repository 2, bucket .*: the endpoint does not answer/;
    expect(without.test(messages.join("\n")), messages.join("\n"));
    const started = Date.now();
    const { text } = await stack.tryUp();
    expect(stack.sql("app", "SELECT count(*) FROM t") === "300000", text);
    console.log(`restored in ${(Date.now() - started) / 1000} s`);
  });
}

const health = (stack: TestStack) =>
  docker("inspect", "--format", "{{.State.Health.Status}}", `${stack.container}-agent`);

async function onceBack(stack: TestStack, store: ObjectStore, checks: Checks): Promise<void> {
  await checks.that("the object store gets what it has missed, once it is back", async () => {
    stack.configure(({ backup }) => (backup!.drill = {}));
    const { code, text } = await stack.tryUp();
    expect(code === 0, text);
    const waiting = () => stack.sql("postgres", "SELECT waiting_segments FROM pgwright.backup_archive()");
    await eventually("nothing waits", () => waiting() === "0", { seconds: 300 });
    const missing = inAgent(stack, "bash", "-c", ". common.sh; missing_wal 2");
    expect(missing === "", `missing: ${missing}`);
    // What a bucket holds is looked at every five minutes.
    await eventually("status is content", async () => (await stack.cli("status")).code === 0, { seconds: 400 });
  });
  await checks.that("a backup goes on after the object store was away for a quarter of a minute", async () => {
    stack.sql("app", "INSERT INTO t SELECT g, md5(random()::text) FROM generate_series(1, 2000000) AS g");
    const backup = `pgbackrest --config=/etc/pgwright/pgbackrest.conf --stanza=${stack.container} --repo=2 --type=full backup`;
    inAgent(stack, "bash", "-c", `rm -f /tmp/code; (${backup} >/tmp/printed 2>&1; echo $? >/tmp/code) & sleep 1`);
    await sleep(1000);
    await store.stop();
    await sleep(15_000);
    await store.run();
    const code = () => inAgent(stack, "bash", "-c", "cat /tmp/code 2>/dev/null || true");
    await eventually("the backup has ended", () => code() !== "", { seconds: 600 });
    expect(code() === "0", inAgent(stack, "cat", "/tmp/printed"));
    expect(/status: ok/.test(inAgent(stack, "verify.sh", "2")), "verify is not content");
  });
}
