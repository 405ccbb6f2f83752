import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { Target } from "../../backup/target";
import { Host } from "../../provider/host";
import { restore } from "../../provider/restore";
import { ownRepository } from "../integration/backup/repository";
import { docker, type TestStack } from "../integration/stack";
import { Checks, expect } from "./checks";

/** A row as the server noted its commit: microseconds since 1970. */
interface Commit {
  n: number;
  at: bigint;
}

/** Several clients write numbered rows, each a transaction, until they are stopped; every acknowledged number is kept. */
export class Writers {
  readonly acknowledged: { n: number; at: number }[] = [];
  private next = 1;
  private stopping = false;
  private readonly loops: Promise<void>[] = [];

  static async start(stack: TestStack, clients: number): Promise<Writers> {
    const password = await stack.output<string>("superuserPassword");
    const writers = new Writers();
    for (let i = 0; i < clients; i++)
      writers.loops.push(writers.write(await stack.connect("postgres", password, "app")));
    return writers;
  }

  private async write(client: Client): Promise<void> {
    while (!this.stopping) {
      const n = this.next++;
      try {
        await client.query("INSERT INTO t (n) VALUES ($1)", [n]);
        this.acknowledged.push({ n, at: Date.now() });
      } catch {
        break; // the server has gone: the last row is not acknowledged
      }
      await sleep(Math.random() * 4);
    }
    await client.end().catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.loops);
  }
}

async function archived(stack: TestStack): Promise<void> {
  const segment = stack.sql("postgres", "SELECT pg_walfile_name(pg_switch_wal() - 1)");
  for (let i = 0; i < 300; i++) {
    if (stack.sql("postgres", "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver") >= segment) return;
    await sleep(200);
  }
  throw new Error(`${segment} was not archived within a minute`);
}

/** Restores to `targets` moments between the first backup and the last commit: each gives exactly what was committed before. */
export async function recoverUnderLoad(
  stack: TestStack,
  checks: Checks,
  seconds: number,
  targets: number,
): Promise<void> {
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  const writers = await Writers.start(stack, 3);
  const points: { name: string; lsn: string }[] = [];
  const end = Date.now() + seconds * 1000;
  for (let i = 0; Date.now() < end; i++) {
    await sleep(seconds * 100);
    agent("backup.sh", ["incremental", "differential", "full"][i % 3] as string);
    const name = `point ${i}`;
    points.push({ name, lsn: stack.sql("app", `SELECT pg_create_restore_point('${name}')`) });
  }
  await writers.stop();
  await archived(stack);

  const commits: Commit[] = stack
    .sql("app", "SELECT n, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM t ORDER BY 2")
    .split("\n")
    .map((line) => ({ n: Number(line.split("|")[0]), at: BigInt(line.split("|")[1] as string) }));
  expect(commits.length === writers.acknowledged.length, "the table does not hold what was acknowledged");
  const [stanza] = JSON.parse(agent("pgbackrest", "--config=/etc/pgwright/pgbackrest.conf", "--output=json", "info"));
  const first = BigInt(stanza.backup[0].timestamp.stop + 1) * 1_000_000n;
  const candidates = commits.filter(({ at }) => at > first);
  console.log(`${commits.length} rows, ${stanza.backup.length} backups, ${points.length} restore points`);

  for (let i = 0; i < targets; i++) {
    const { at } = candidates[Math.floor(Math.random() * candidates.length)] as Commit;
    const text = new Date(Number(at / 1000n)).toISOString().replace("Z", "") + String(at % 1000n).padStart(3, "0");
    const before = commits.filter((commit) => commit.at <= at);
    await exactly(stack, checks, { time: `${text.replace("T", " ")}+00` }, before);
  }
  // Points carry no time: what was committed before them is known by the WAL position of each commit, which the rows have not; so
  // name and position have to agree.
  for (const { name, lsn } of points.slice(0, 2)) {
    const counts = await Promise.all([await rowsAt(stack, { name }), await rowsAt(stack, { lsn })]);
    await checks.that(`${name} is where its position is: ${counts[0]}`, () =>
      expect(counts[0] === counts[1], `by name ${counts[0]}, by position ${counts[1]}`),
    );
  }
}

async function exactly(stack: TestStack, checks: Checks, target: Target, rows: Commit[]): Promise<void> {
  const sum = rows.reduce((total, { n }) => total + n, 0);
  await checks.that(`${target.time}: ${rows.length} rows, no more and no less`, async () => {
    const query = `SELECT count(*) = ${rows.length} AND coalesce(sum(n), 0) = ${sum} FROM t`;
    await restoreTo(stack, target, query);
  });
}

async function restoreTo(stack: TestStack, target: Target, query: string): Promise<void> {
  const volume = `${stack.container}-scratch`;
  const host = new Host(stack.container);
  docker("volume", "create", volume);
  try {
    const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
    const checks = [{ database: "app", query }];
    await restore(host, image, volume, ownRepository(stack.container), {}, target, {
      run: [],
      checks,
      cronOff: true,
    });
  } finally {
    docker("volume", "rm", "--force", volume);
  }
}

/** Count and sum of the rows at a target, found by a check that cannot hold. */
async function rowsAt(stack: TestStack, target: Target): Promise<string> {
  try {
    await restoreTo(stack, target, "SELECT count(*) || ' rows, sum ' || coalesce(sum(n), 0) FROM t");
  } catch (error) {
    return / is (\d+ rows, sum \d+)/.exec((error as Error).message)?.[1] ?? (error as Error).message;
  }
  throw new Error("the check held, which it cannot");
}

/** The server is killed under load and its volume lost: what was archived is back, and the loss is bounded. */
export async function loseTheVolume(stack: TestStack, checks: Checks, archiveTimeout: number): Promise<void> {
  const writers = await Writers.start(stack, 3);
  await sleep(2.5 * archiveTimeout * 1000);
  docker("kill", stack.container);
  await writers.stop();
  const acknowledged = writers.acknowledged;
  const last = acknowledged.at(-1)?.at ?? 0;
  await checks.that("after SIGKILL and the loss of the data volume all that was archived is back", async () => {
    docker("rm", "--force", stack.container, `${stack.container}-agent`);
    docker("volume", "rm", `${stack.container}-data`);
    stack.configure((config) => (config.restoreFrom = {}));
    await stack.up();
    const kept = new Set(stack.sql("app", "SELECT n FROM t").split("\n").map(Number));
    const lost = acknowledged.filter(({ n }) => !kept.has(n));
    const seconds = lost.length === 0 ? 0 : (last - Math.min(...lost.map(({ at }) => at))) / 1000;
    console.log(
      `${acknowledged.length} rows were acknowledged, ${lost.length} are lost: those of the last ${seconds.toFixed(1)} s, ` +
        `with archive_timeout at ${archiveTimeout} s`,
    );
    expect(acknowledged.length > lost.length, "nothing is back");
    expect(seconds <= archiveTimeout + 3, `more is lost than archive_timeout allows: ${seconds} s`);
    // What is lost is the end: no row that came after a lost one is there.
    const firstLost = Math.min(...lost.map(({ at }) => at));
    const after = acknowledged.filter(({ n, at }) => kept.has(n) && at > firstLost + 100);
    expect(after.length === 0, `${after.length} rows are there that came after lost ones`);
  });
}
