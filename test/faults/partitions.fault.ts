import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { keeperStack } from "../integration/partitions/keeper-stack";
import { docker, TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";
import { count, isLost, Line, maintain, read, write, type World } from "./partitions-clients";
import { compare, compareMemory, SETS, TABLES } from "./partitions-ledger";

// Rows of partition sets, while partitions come, go and are drained under writers and readers, and while server and backends
// are killed: each acknowledged row is there exactly once, at every moment. `npm run test:faults -- partitions MINUTES`.

const MINUTES = 5;
/** The server is killed so often, backends more often. */
const [SERVER_EVERY_S, BACKEND_EVERY_MS] = [35, 1200];

/** At most ten of them. */
const none = (wrong: string[]) =>
  expect(wrong.length === 0, `${wrong.length} times: ${[...new Set(wrong)].slice(0, 10).join("\n")}`);

/** Kills what it finds until the world stops. */
async function kill(stack: TestStack, world: World, lines: Line[]): Promise<void> {
  const admin = new Line("admin", world);
  let client = await admin.open();
  let server = Date.now() + SERVER_EVERY_S * 500;
  while (!world.stop) {
    await sleep(BACKEND_EVERY_MS * (0.5 + Math.random()));
    if (Date.now() > server) {
      docker("kill", "--signal", "KILL", stack.container);
      docker("start", stack.container);
      count(world, "kills of the server");
      server = Date.now() + SERVER_EVERY_S * 1000 * (0.5 + Math.random());
      client = await admin.open();
    } else if (Math.random() < 0.3) {
      lines[Math.floor(Math.random() * lines.length)]?.cut();
      count(world, "sockets closed");
    } else {
      try {
        // The library's own second connection is called pgwright. Of the others, the maintenance is hit most.
        const { rowCount } = await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE backend_type = 'client backend' AND application_name ~ '^(writer|reader|maintenance|pgwright)'
           ORDER BY random() * CASE WHEN application_name ~ '^(maintenance|pgwright)' THEN 4 ELSE 1 END DESC LIMIT 1`,
        );
        if (rowCount) count(world, "kills of backends");
      } catch (error) {
        if (!isLost(error)) throw error;
        client = await admin.open();
      }
    }
  }
  await admin.close();
}

/** After the end, runs until nothing is left to do. */
async function settle(client: Client, world: World): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    await client.query("UPDATE pgwright.partition_sets SET maintainer = 'keeper'; SET SESSION AUTHORIZATION keeper");
    await client.query("CALL pgwright.maintain_partitions(to_timestamp($1))", [world.clock]);
    await client.query("RESET SESSION AUTHORIZATION");
    const { rows } = await client.query(
      `SELECT p.* FROM pgwright.partition_sets AS s
       CROSS JOIN LATERAL pgwright.partition_plan(s, to_timestamp($1)) AS p`,
      [world.clock],
    );
    if (rows.length === 0) return;
  }
  throw new Error("after ten runs there is still something to do");
}

async function checkAll(checks: Checks, client: Client, world: World): Promise<void> {
  const one = async (sql: string) => (await client.query<{ text: string }>(sql)).rows.map(({ text }) => text);

  await checks.that("snapshots, of parent and archive, hold every row of the ledger exactly once", () => {
    none(world.wrong.locked);
    expect((world.counts["compared, locked"] ?? 0) > 20, "there were too few");
  });
  await checks.that("so do snapshots that waited for the maintenance", () => none(world.wrong.unlocked));
  await checks.that("so do single queries", () => none(world.wrong.committed));
  await checks.that("each update and delete finds its row", () => none(world.wrong.statements));
  await checks.that("no run of the maintenance has failed", () => none(world.wrong.maintenance));
  await checks.that("after all that, runs come to an end", () => settle(client, world));
  for (const set of SETS)
    await checks.that(`at the end data.${set} and its archive are what the ledger says`, async () =>
      none(await compare(client, set)),
    );
  await checks.that("the ledger is what was acknowledged", async () => none(await compareMemory(client, world.memory)));
  await checks.that("no row is left in DEFAULT, and none is in its way", async () =>
    none(
      await one(
        "SELECT format('%s at %s', id, at) AS text FROM (TABLE data.drained_default UNION ALL TABLE data.copied_default UNION ALL TABLE data.late_default) AS d LIMIT 5",
      ),
    ),
  );
  await checks.that("data.copied was drained by copies", async () =>
    expect(
      (await one("SELECT phase AS text FROM pgwright.partition_copies WHERE phase = 'done'")).length === 1,
      "it was not",
    ),
  );
  await checks.that("no partition is half detached, none is between set and archive", async () => {
    none(await one("SELECT inhrelid::regclass::text AS text FROM pg_inherits WHERE inhdetachpending"));
    none(
      await one(
        "SELECT name || ' ' || state AS text FROM pgwright.partitions_known WHERE state IN ('retiring', 'detached')",
      ),
    );
    none(
      await one(
        `SELECT coalesce(k.name, c.oid::regclass::text) || coalesce(' is known as ' || k.state, ' is not known') AS text
         FROM (SELECT * FROM pgwright.partitions_known WHERE state = 'archived') AS k
         FULL JOIN (SELECT oid FROM pg_class WHERE relnamespace = 'archive'::regnamespace AND relkind = 'r') AS c ON c.oid = k.partition
         WHERE k.partition IS NULL OR c.oid IS NULL`,
      ),
    );
    const [archived] = await one(
      "SELECT count(*)::text AS text FROM pgwright.partitions_known WHERE state = 'archived'",
    );
    expect(Number(archived) > 3, `only ${archived} were archived`);
  });
  await checks.that("no advisory lock and no second connection is left", async () => {
    none(await one("SELECT locktype || ' ' || pid AS text FROM pg_locks WHERE locktype = 'advisory'"));
    none(await one("SELECT pid::text AS text FROM pg_stat_activity WHERE application_name = 'pgwright'"));
  });
}

/** While another session maintains a set, a run leaves it alone, and does not fail. */
async function excludes(client: Client, other: Client, world: World): Promise<void> {
  const partitions = async () =>
    (await client.query("SELECT FROM pg_inherits WHERE inhparent = 'data.drained'::regclass")).rowCount;
  const run = () =>
    client.query("CALL pgwright.maintain_partitions(to_timestamp($1), 'data.drained')", [world.clock + 86_400]);
  const before = await partitions();
  await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('pgwright.partitions data.drained', 0))");
  await run();
  const meanwhile = await partitions();
  await other.query("COMMIT");
  await run();
  expect(meanwhile === before, "a partition was made beside the other session");
  expect((await partitions()) !== before, "no partition was made afterwards");
}

export async function run([minutes = String(MINUTES)]: string[]): Promise<void> {
  const stack = await TestStack.create({
    server: { memory: "1GB", cpus: 2, connections: 30 },
    ...keeperStack({ schemas: { data: {}, archive: {} } }),
  });
  const checks = new Checks();
  try {
    await stack.up();
    const password = await stack.output<string>("superuserPassword");
    const connect = () => stack.connect("postgres", password, "app");
    const world: World = {
      connect,
      clock: Date.now() / 1000,
      stop: false,
      memory: new Map(),
      counts: {},
      wrong: { locked: [], unlocked: [], committed: [], statements: [], maintenance: [] },
    };
    const first = await connect();
    await first.query(TABLES);
    await first.query("CALL pgwright.maintain_partitions()");
    await first.end();

    const lines: Line[] = [];
    const line = (name: string, role?: string) => {
      lines.push(new Line(name, world, role));
      return lines.at(-1) as Line;
    };
    const all = [
      ...[1, 2].map((n) => write(line(`writer drained ${n}`), world, "drained", n * 1e9)),
      ...[7, 8].map((n) => write(line(`writer copied ${n}`), world, "copied", n * 1e9)),
      ...[3, 4].map((n) => write(line(`writer archived ${n}`), world, "archived", n * 1e9)),
      ...[5, 6].map((n) => write(line(`writer late ${n}`), world, "late", n * 1e9)),
      ...SETS.map((set) => read(line(`reader locked ${set}`), world, "locked", set)),
      read(line("reader unlocked"), world, "unlocked", "drained"),
      read(line("reader committed"), world, "committed", "drained"),
      ...[1, 2].map((n) => maintain(line(`maintenance ${n}`, "keeper"), world)),
      kill(stack, world, lines),
    ];
    const until = sleep(Number(minutes) * 60_000);
    await Promise.race([until, ...all]);
    world.stop = true;
    await Promise.all(all);

    console.log(
      Object.entries(world.counts)
        .map(([what, n]) => `${what}: ${n}`)
        .sort()
        .join("\n"),
    );
    const client = await connect();
    await client.query("SET timezone = 'UTC'");
    await checkAll(checks, client, world);
    const other = await connect();
    await checks.that("two sessions exclude each other", () => excludes(client, other, world));
    await other.end();
    await client.end();
  } finally {
    await stack.dispose();
  }
  checks.close();
}
