import { setTimeout as sleep } from "node:timers/promises";
import { spawnSync } from "node:child_process";
import type { Client } from "pg";
import { docker } from "../stack";
import type { TiersServer } from "./server";
import { LEDGER, Workload } from "./workload";

// Does a row get lost, or is it seen twice, while data moves? Writers, readers, all procedures in loops with a fast clock, and
// somebody who ends clients, backends and the server.

export interface ConservationArgs {
  seconds: number;
  kills: boolean;
}

export interface ConservationResult {
  violations: string[];
  /** What was done. */
  counts: Record<string, number>;
  /** Runs of each procedure, and those that failed. */
  runs: Record<string, number>;
  kills: Record<string, number>;
}

const PROCEDURES: [string, (now: string) => string, number][] = [
  ["roll", () => "CALL data.ledger_roll_wa()", 700],
  ["maintenance", (now) => `CALL pgwright.tiers_partition_maintenance('data', 'ledger', '${now}')`, 300],
  ["partition_wa", (now) => `CALL data.ledger_partition_wa('${now}')`, 500],
  ["merge", (now) => `CALL data.ledger_merge_wa_partitions('${now}')`, 900],
  ["age_off", (now) => `CALL data.ledger_age_off('${now}')`, 1100],
  ["analyze", () => "CALL data.ledger_analyze_partitions()", 800],
  ["sort", () => "CALL data.ledger_partition_sort(NULL)", 2000],
];

/** Makes the set and works on it for a time; what was wrong is in `violations`. */
export async function conservation(server: TiersServer, args: ConservationArgs): Promise<ConservationResult> {
  server.create(LEDGER);
  server.sql(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON data.ledger TO writer;
     GRANT INSERT ON data.ledger_wa TO writer; GRANT EXECUTE ON FUNCTION data.ledger_wa_number() TO writer`,
  );
  const open = new Set<Client>();
  const connect = (role: "owner" | "writer") => async () => {
    const client = await server.connect(role);
    open.add(client);
    client.on("end", () => open.delete(client));
    return client;
  };
  const work = new Workload(connect("writer"));
  const runs: Record<string, number> = {};
  const kills: Record<string, number> = {};

  const first = await server.connect("writer");
  await work.prepare(first);
  await first.end();

  const loops: Promise<void>[] = [
    ...[1, 2, 3].map((writer) => work.loop(work.appender(writer))),
    ...[1, 2].map((writer) => work.loop(work.churner(writer))),
    ...[1, 2].map(() => work.loop((client) => work.transfer(client), 2)),
    ...[1, 2, 3].map(() => work.loop((client) => work.read(client), 20)),
    ...PROCEDURES.map(([name, call, pause]) => procedures(name, call, pause)),
  ];
  if (args.kills) loops.push(killer());

  async function procedures(name: string, call: (now: string) => string, pause: number): Promise<void> {
    let client: Client | undefined;
    while (!work.ended) {
      try {
        client ??= await connect("owner")();
        await client.query(call(work.now().toISOString()));
        runs[name] = (runs[name] ?? 0) + 1;
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        runs[`${name} failed`] = (runs[`${name} failed`] ?? 0) + 1;
        // A procedure may be cut off, and may deadlock with nobody.
        if (code && !/^(08|57P|53300|ECONN|EPIPE)/.test(code)) work.violated(`${name} failed with ${code}: ${message}`);
        client?.end().catch(() => undefined);
        client = undefined;
      }
      await sleep(pause * (0.5 + Math.random()));
    }
    await client?.end().catch(() => undefined);
  }

  async function killer(): Promise<void> {
    while (!work.ended) {
      await sleep(1000 + Math.random() * 3000);
      if (work.ended) return;
      const dice = Math.random();
      const how = dice < 0.55 ? "client" : dice < 0.75 ? "session" : dice < 0.9 ? "backend" : "server";
      kills[how] = (kills[how] ?? 0) + 1;
      if (how === "client") {
        const all = [...open];
        const one = all[Math.floor(Math.random() * all.length)] as
          (Client & { connection: { stream: { destroy(): void } } }) | undefined;
        one?.connection.stream.destroy();
      } else if (how === "session") {
        attempt(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('owner', 'writer') AND state <> 'idle' ORDER BY random() LIMIT 1",
        );
      } else if (how === "backend") {
        // The server ends all others too, and recovers.
        const pid = attempt(
          "SELECT pid FROM pg_stat_activity WHERE usename = 'owner' ORDER BY state = 'active' DESC, random() LIMIT 1",
        );
        if (pid) spawnSync("docker", ["exec", server.stack.container, "sh", "-c", `kill -9 ${pid}`]);
        await answering();
      } else {
        docker("kill", "--signal", "SIGKILL", server.stack.container);
        docker("start", server.stack.container);
        await answering();
      }
    }
  }

  function attempt(sql: string): string | undefined {
    try {
      return server.sql(sql);
    } catch {
      return undefined; // it is down at the moment
    }
  }

  async function answering(): Promise<void> {
    for (let tries = 0; tries < 300 && attempt("SELECT 1") === undefined; tries += 1) await sleep(200);
  }

  const end = Date.now() + args.seconds * 1000;
  while (!work.ended && Date.now() < end) await sleep(200);
  work.ended = true;
  // A procedure that does not come to its end must not keep the test from saying what was wrong.
  const impatient = setTimeout(
    () => attempt("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'owner'"),
    30_000,
  );
  await Promise.all(loops);
  clearTimeout(impatient);

  // Once more, with nobody in the way: all rows end in the last tiers, and are the same rows.
  await answering();
  if (work.violations.length === 0) await check(server, work);
  return { violations: work.violations, counts: work.counts, runs, kills };
}

/** Rows by kind: what a move must not change. */
const ROWS = `SELECT string_agg(x::text, ' ' ORDER BY x) FROM (SELECT kind, writer, count(*), count(DISTINCT id), sum(value), sum(version)
  FROM data.ledger GROUP BY kind, writer) AS x`;

async function check(server: TiersServer, work: Workload): Promise<void> {
  const reader = await server.connect("writer");
  const owner = await server.connect("owner");
  try {
    await work.read(reader);
    const before = (await reader.query(ROWS)).rows[0].string_agg;
    const later = new Date(work.now().getTime() + 2 * 86_400_000).toISOString();
    for (let round = 0; round < 3; round += 1) {
      await owner.query("CALL data.ledger_roll_wa()");
      await owner.query(`CALL pgwright.tiers_partition_maintenance('data', 'ledger', '${later}')`);
    }
    await owner.query("CALL data.ledger_partition_sort(NULL)");
    await owner.query(`CALL pgwright.tiers_partition_maintenance('data', 'ledger', '${later}')`);
    const after = (await reader.query(ROWS)).rows[0].string_agg;
    if (before !== after) work.violated(`the last moves made\n${after}\nof\n${before}`);
    await work.read(reader);
    const left = server.sql(`
      SELECT (SELECT count(*) FROM data.ledger_wa) || ' ' || (SELECT count(*) FROM data.ledger_wa_partition) || ' '
        || (SELECT count(*) FROM data.ledger_spill) || ' ' || (SELECT count(*) FROM data.ledger_tables WHERE tier = 'wa' AND state NOT IN ('active', 'ready'))`);
    if (left !== "0 0 0 0")
      work.violated(`rows in _wa, _wa_partition and _spill, and tables of _wa that should be gone: ${left}`);
    const { problems } = server.describe("data", "ledger");
    if (problems.length > 0) work.violated(`problems: ${problems.join(", ")}`);
  } finally {
    await reader.end();
    await owner.end();
  }
}
