import { CONFIG_PATH } from "../backup/paths";
import { Host } from "../provider/host";
import { docker, TestStack } from "../test/integration/stack";
import cases from "../test/unit/data/pgtune-cases.json";
import { renderPostgresqlConf } from "../tuning/postgresql-conf";
import { PlainServer } from "./plain-server";
import { report, type Figure } from "./report";

// Compares pgbench with three postgresql.conf: pgwright's, none (the image's defaults), and PGTune's. `npm run bench -- pgbench TURNS` sets
// the number of turns.
//
// The speed of a shared machine changes by a fifth within seconds, and one of two equal servers is some percent faster because of the
// position of its files in the page cache. Therefore one server with one data set restarts with the configurations in turn, for some
// seconds each; the result is the mean of all turns.

/** Scale of the data set: 1.5 GB, more than shared_buffers and less than the container's memory. */
const SCALE = 100;
const CLIENTS = 16;
const TURNS = 12;
/** Seconds of a turn, after the restart and a warm-up of the same length. */
const SECONDS = 8;
/** pgbench's built-in scripts. Read-only runs first, on a vacuumed data set. */
const SCRIPTS = { "read-only": "select-only", "read-write": "tpcb-like" } as const;

/** The input of PGTune; its output is among the recorded cases. */
const MACHINE = { memory: "4GB", cpus: 2, connections: 100, storage: "san", dbType: "oltp" } as const;

type Conf = Record<string, string>;

function pgtune(): Conf {
  const row = cases.rows.find(({ input }) =>
    Object.entries(MACHINE).every(([key, value]) => input[key as keyof typeof MACHINE] === value),
  );
  if (!row) throw new Error(`PGTune: no recorded case for ${JSON.stringify(MACHINE)}`);
  return Object.fromEntries(Object.entries(row.expected).map(([name, value]) => [name, String(value)]));
}

/** A postgresql.conf with these settings, and pg_hba.conf rules for the benchmark. */
function files(conf: Conf): Record<string, string> {
  const paths = {
    listen_addresses: "*",
    hba_file: `${CONFIG_PATH}/pg_hba.conf`,
    ident_file: `${CONFIG_PATH}/pg_ident.conf`,
  };
  const settings = Object.entries({ ...paths, ...conf }).map(([name, value]) => ({ name, value, reason: "" }));
  return { "postgresql.conf": renderPostgresqlConf(settings), ...RULES };
}
const RULES = { "pg_hba.conf": "local all all peer\nhost all all 127.0.0.1/32 trust\n", "pg_ident.conf": "" };

/** pgwright's configuration for this machine, and its image. */
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
    const files = (await new Host(stack.container).readVolume(`${stack.container}-config`, image)) ?? {};
    return { image, postgresqlConf: files["postgresql.conf"] ?? "", sharedMemory: bytes };
  } finally {
    await stack.dispose();
  }
}

type Load = keyof typeof SCRIPTS;

/** Transactions per second. */
function measure(server: PlainServer, what: Load): number {
  const load = ["--client", String(CLIENTS), "--jobs", "2", "--time", String(SECONDS), "--builtin", SCRIPTS[what]];
  const text = server.beside("pgbench", "-h", "127.0.0.1", "-U", "postgres", "--no-vacuum", ...load, "postgres");
  const tps = /^tps = ([\d.]+)/m.exec(text)?.[1];
  if (!tps) throw new Error(`pgbench: no rate in its output:\n${text}`);
  return Number(tps);
}

export async function run([turns = String(TURNS)]: string[]): Promise<void> {
  const { image, postgresqlConf, sharedMemory } = await ours();
  const confs = {
    ours: { "postgresql.conf": postgresqlConf, ...RULES },
    defaults: files({}),
    pgtune: files(pgtune()),
  };
  type Who = keyof typeof confs;
  const names = Object.keys(confs) as Who[];
  const tps = { ours: {}, defaults: {}, pgtune: {} } as Record<Who, Partial<Record<Load, number>>>;
  const limits = { image, memory: "4g", cpus: MACHINE.cpus, sharedMemory };
  const server = new PlainServer(`pgwright-t${process.pid}-0`, { ...limits, files: confs.defaults });
  try {
    await server.up();
    server.beside("pgbench", "-h", "127.0.0.1", "-U", "postgres", "-i", "-q", "--scale", String(SCALE), "postgres");
    await server.sql("VACUUM ANALYZE pgbench_accounts; CHECKPOINT");
    for (const load of ["read-only", "read-write"] as const) {
      for (let turn = 0; turn < Number(turns); turn += 1) {
        // The first configuration changes with each turn, so that none always follows the same one.
        const first = turn % names.length;
        for (const who of [...names.slice(first), ...names.slice(0, first)]) {
          await server.restart(confs[who]);
          measure(server, "read-only");
          await server.sql("CHECKPOINT");
          const measured = measure(server, load);
          tps[who][load] = (tps[who][load] ?? 0) + measured / Number(turns);
          console.log(`${load}, turn ${turn + 1} of ${turns}, ${who}: ${measured.toFixed(0)} tps`);
        }
      }
    }
  } finally {
    server.down();
  }
  const figures = (["defaults", "pgtune"] as const).flatMap((peer) =>
    (["read-write", "read-only"] as const).map((what): Figure => ({
      name: `${what}-vs-${peer}`,
      ours: tps.ours[what] ?? NaN,
      peer: tps[peer][what] ?? NaN,
      unit: "tps",
      against: peer === "defaults" ? "the image's defaults" : "PGTune's settings",
    })),
  );
  report("pgbench", figures);
}
