import { Host } from "../provider/host";
import { docker, TestStack } from "../test/integration/stack";
import cases from "../test/unit/data/pgtune-cases.json";
import { renderPostgresqlConf } from "../tuning/postgresql-conf";
import { PlainServer } from "./plain-server";
import { report, type Figure } from "./report";

// pgbench on three servers that differ in postgresql.conf alone: ours, what the image has without one, and PGTune's.
// `npm run bench -- pgbench ROUNDS` measures more or less often.
//
// The speed of a shared machine changes by a fifth within seconds. So the servers take turns of a few seconds, and what counts is
// the sum of all transactions: reading first, from a data set that was vacuumed and is in memory, then writing. Where the kernel puts
// shared memory makes one of two equal servers some percent faster for as long as it runs: they are restarted now and then.

/** Of the data set: 1.5 GB, more than shared_buffers and less than the container. */
const SCALE = 100;
const CLIENTS = 16;
const ROUNDS = 40;
/** Of reading, between restarts. */
const BLOCK = 5;
/** A turn: long enough that connecting does not count. */
const SECONDS = { "read-only": 2, "read-write": 5 };
/** Of the rounds of reading, those of writing. */
const WRITING = 0.5;

/** The machine that PGTune was asked for; its answer is among the recorded ones. */
const MACHINE = { memory: "4GB", cpus: 2, connections: 100, storage: "san", dbType: "oltp" } as const;

type Conf = Record<string, string>;

function pgtune(): Conf {
  const row = cases.rows.find(({ input }) =>
    Object.entries(MACHINE).every(([key, value]) => input[key as keyof typeof MACHINE] === value),
  );
  if (!row) throw new Error(`PGTune's answer for ${JSON.stringify(MACHINE)} is not among the recorded ones`);
  return Object.fromEntries(Object.entries(row.expected).map(([name, value]) => [name, String(value)]));
}

/** A postgresql.conf of these settings, and rules that let the bench in. */
function files(conf: Conf): Record<string, string> {
  const place = {
    listen_addresses: "*",
    hba_file: "/etc/pgwright/pg_hba.conf",
    ident_file: "/etc/pgwright/pg_ident.conf",
  };
  const settings = Object.entries({ ...place, ...conf }).map(([name, value]) => ({ name, value, reason: "" }));
  return { "postgresql.conf": renderPostgresqlConf(settings), ...RULES };
}
const RULES = { "pg_hba.conf": "local all all peer\nhost all all 127.0.0.1/32 trust\n", "pg_ident.conf": "" };

/** What the product makes for this machine, and the image that it runs. */
async function ours(): Promise<{ image: string; postgresqlConf: string; sharedMemory: string }> {
  const { memory, cpus, connections, storage } = MACHINE;
  const server = { memory, cpus, connections, storage, workload: "oltp", databaseSize: "larger" } as const;
  const stack = await TestStack.create({ server });
  try {
    await stack.up();
    const [image = "", bytes = ""] = docker(
      "inspect",
      "--format",
      "{{.Config.Image}} {{.HostConfig.ShmSize}}",
      stack.container,
    ).split(" ");
    const volume = await new Host(stack.container).readVolume(`${stack.container}-config`, image);
    return { image, postgresqlConf: volume["postgresql.conf"] ?? "", sharedMemory: bytes };
  } finally {
    await stack.dispose();
  }
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

type Load = keyof typeof SECONDS;

/** Transactions a second of pgbench's own script. */
function measure(server: PlainServer, what: Load): number {
  const builtIn = what === "read-only" ? "select-only" : "tpcb-like";
  const load = ["--client", String(CLIENTS), "--jobs", "2", "--time", String(SECONDS[what]), "--builtin", builtIn];
  const text = server.beside("pgbench", "-h", "127.0.0.1", "-U", "postgres", "--no-vacuum", ...load, "postgres");
  const tps = /^tps = ([\d.]+)/m.exec(text)?.[1];
  if (!tps) throw new Error(`pgbench did not say how fast it was:\n${text}`);
  return Number(tps);
}

interface Side {
  who: string;
  server: PlainServer;
  tps: Record<Load, number[]>;
}

async function takeTurns(servers: Side[], what: Load, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each round, so that none always follows the same neighbour.
    const first = round % servers.length;
    for (const { server, tps } of [...servers.slice(first), ...servers.slice(0, first)])
      tps[what].push(measure(server, what));
    const last = servers.map(({ who, tps }) => `${who} ${tps[what].at(-1)?.toFixed(0)}`);
    console.log(`${what}, round ${round + 1} of ${rounds}: ${last.join(", ")} tps`);
  }
}

export async function run([rounds = String(ROUNDS)]: string[]): Promise<void> {
  const { image, postgresqlConf, sharedMemory } = await ours();
  const limits = { image, memory: "4g", cpus: MACHINE.cpus, sharedMemory };
  const name = `pgwright-t${process.pid}-0`;
  const confs = {
    ours: { "postgresql.conf": postgresqlConf, ...RULES },
    defaults: files({}),
    pgtune: files(pgtune()),
  };
  const servers = Object.entries(confs).map(([who, conf]) => ({
    who: who as keyof typeof confs,
    server: new PlainServer(`${name}-${who}`, { ...limits, files: conf }),
    tps: { "read-write": [] as number[], "read-only": [] as number[] },
  }));
  try {
    for (const { who, server } of servers) {
      console.log(`${who}: making the data set`);
      await server.up();
      server.beside("pgbench", "-h", "127.0.0.1", "-U", "postgres", "-i", "-q", "--scale", String(SCALE), "postgres");
      await server.sql("VACUUM ANALYZE pgbench_accounts; CHECKPOINT");
    }
    for (let round = 0; round < Number(rounds); round += BLOCK) {
      for (const { server } of servers) {
        server.restart();
        for (let warm = 0; warm < 2; warm += 1) measure(server, "read-only");
      }
      await takeTurns(servers, "read-only", Math.min(BLOCK, Number(rounds) - round));
    }
    for (const { server } of servers) await server.sql("CHECKPOINT");
    await takeTurns(servers, "read-write", Math.ceil(Number(rounds) * WRITING));
  } finally {
    for (const { server } of servers) server.down();
  }
  const of = (who: keyof typeof confs) =>
    servers.find((each) => each.who === who)?.tps ?? { "read-write": [], "read-only": [] };
  const figures = (["defaults", "pgtune"] as const).flatMap((peer) =>
    (["read-write", "read-only"] as const).map((what): Figure => ({
      name: `${what}-vs-${peer}`,
      ours: mean(of("ours")[what]),
      peer: mean(of(peer)[what]),
      unit: "tps",
      against: peer === "defaults" ? "the image's defaults" : "PGTune's settings",
    })),
  );
  report("pgbench", figures);
}
