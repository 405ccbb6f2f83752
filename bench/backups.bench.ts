import { spawnSync } from "node:child_process";
import { DATA_PATH, repositoryPath, SOCKET_PATH } from "../backup/paths";
import { Host } from "../provider/host";
import { restore } from "../provider/restore";
import { copyRunning } from "../provider/running";
import { ownRepository } from "../test/integration/backup/repository";
import { docker, TestStack } from "../test/integration/stack";
import { fill, RECALL } from "./backups-data";
import { median, report, seconds, type Figure } from "./report";

// Compares backups, restores and clones with pg_basebackup (plain, and PostgreSQL 17's increments with pg_combinebackup) and pg_dump,
// on one server and data set. `npm run bench -- backups SCALE VECTORS` sets the size; the default is scale 100 and 200,000 vectors.

/** Folder of the peers: on the volume of the repository, so that all write to the same disk. */
const SCRATCH = `${repositoryPath(1)}/peer`;
const ROUNDS = 3;
const INDEX = "public.chunks_embedding_idx";

const image = (stack: TestStack) => docker("inspect", "--format", "{{.Config.Image}}", stack.container);

function agent(stack: TestStack, script: string): string {
  return docker("exec", `${stack.container}-agent`, "bash", "-euo", "pipefail", "-c", script);
}

const bytes = (stack: TestStack, path: string) => Number(agent(stack, `du -sb ${path} | cut -f1`)) / 2 ** 20;
const repository = (stack: TestStack) => bytes(stack, `${repositoryPath(1)}/backup`);

/** Runs `use` with an empty volume; returns its seconds. */
async function intoScratch(stack: TestStack, use: (volume: string) => Promise<void>): Promise<number> {
  const volume = `${stack.container}-scratch`;
  docker("volume", "create", volume);
  try {
    return await seconds(() => use(volume));
  } finally {
    docker("volume", "rm", "--force", volume);
  }
}

const nothing = { run: [], checks: [], cronOff: false };

async function restored(stack: TestStack, volume: string, recall: string): Promise<void> {
  const checks = [{ database: "bench", query: `SELECT ${RECALL} = ${recall}` }];
  const from = ownRepository(stack.container);
  await restore(new Host(stack.container), image(stack), volume, from, {}, {}, { ...nothing, checks });
}

/** The same with PostgreSQL's own tools: combine the backups, start the server, wait until it accepts connections. */
function combined(stack: TestStack, volume: string): void {
  docker(
    "run",
    "--rm",
    "--network",
    "none",
    "--volume",
    `${stack.container}-backup:${repositoryPath(1)}:ro`,
    "--volume",
    `${volume}:${DATA_PATH}`,
    image(stack),
    "bash",
    "-euo",
    "pipefail",
    "-c",
    `. recovery.sh
     pg_combinebackup ${SCRATCH}/full ${SCRATCH}/increment --output="$PGDATA"
     start_recovered "$PGDATA"; stop_recovered`,
  );
}

async function backups(stack: TestStack): Promise<Figure[]> {
  const figures: Figure[] = [];
  const add = (name: string, ours: number, peer: number, unit: string, against: string) =>
    figures.push({ name, ours, peer, unit, against });
  const base = (options: string, to: string) =>
    agent(stack, `pg_basebackup -h ${SOCKET_PATH} -U postgres --checkpoint=fast ${options} -D ${SCRATCH}/${to}`);
  agent(stack, `rm -rf ${SCRATCH}; mkdir ${SCRATCH}`);

  console.log("full backups");
  const before = repository(stack);
  const full = await seconds(() => agent(stack, "backup.sh full"));
  const fullSize = repository(stack) - before;
  const baseFull = await seconds(() => base("", "full"));
  add("full-time", full, baseFull, "s", "pg_basebackup, plain");
  add("full-size", fullSize, bytes(stack, `${SCRATCH}/full`), "MB", "pg_basebackup, plain");
  const dump = await seconds(() =>
    agent(stack, `pg_dump -h ${SOCKET_PATH} -U postgres -Fd -j 2 -f ${SCRATCH}/dump bench`),
  );
  add("full-time-vs-dump", full, dump, "s", "pg_dump, two jobs");
  add("full-size-vs-dump", fullSize, bytes(stack, `${SCRATCH}/dump`), "MB", "pg_dump, two jobs");

  console.log("increments");
  stack.inServer("pgbench", "-U", "postgres", "-c", "4", "-T", "20", "-n", "bench");
  const beforeIncrement = repository(stack);
  const increment = await seconds(() => agent(stack, "backup.sh incremental"));
  const incrementSize = repository(stack) - beforeIncrement;
  const peerIncrement = await seconds(() => base(`--incremental=${SCRATCH}/full/backup_manifest`, "increment"));
  add("increment-time", increment, peerIncrement, "s", "pg_basebackup --incremental");
  add("increment-size", incrementSize, bytes(stack, `${SCRATCH}/increment`), "MB", "pg_basebackup --incremental");

  console.log("restores and clones");
  const recall = stack.sql("bench", `SELECT ${RECALL}`);
  console.log(`recall of the index: ${recall}; each restored copy has to have the same`);
  const back = await intoScratch(stack, (volume) => restored(stack, volume, recall));
  const peerBack = await intoScratch(stack, async (volume) => combined(stack, volume));
  const running = await intoScratch(stack, (volume) =>
    copyRunning(new Host(stack.container), image(stack), volume, stack.container, nothing),
  );
  const template = await seconds(() =>
    stack.sql("postgres", "CREATE DATABASE copied TEMPLATE bench STRATEGY file_copy"),
  );
  stack.sql("postgres", "DROP DATABASE copied");
  stack.sql("postgres", "CREATE DATABASE copied");
  const undump = await seconds(() =>
    agent(stack, `pg_restore -h ${SOCKET_PATH} -U postgres -j 2 -d copied ${SCRATCH}/dump`),
  );
  add("restore-time", back, peerBack, "s", "pg_combinebackup and start");
  add("restore-time-vs-dump", back, undump, "s", "pg_restore, two jobs");
  add("clone-from-running", running, undump, "s", "pg_restore, two jobs");
  add("clone-from-template", template, undump, "s", "pg_restore, two jobs");
  return figures;
}

/** Throws if the index has another recall in the copy of a drill than on the server. */
async function drilled(stack: TestStack): Promise<void> {
  const script = `psql -XAtq -U postgres -d bench --set index=${INDEX} -f /usr/local/share/pgwright/recall.sql`;
  const recall = stack.inServer("sh", "-c", script);
  stack.configure(({ backup }) =>
    Object.assign(backup ?? {}, {
      drill: { memory: "2GB", tables: { bench: ["public.chunks"] }, recall: { bench: { [INDEX]: Number(recall) } } },
    }),
  );
  console.log(`recall, as drills measure it: ${recall}; a drill has to reach it`);
  const time = await seconds(() => stack.up());
  const found =
    "SELECT string_agg(what || ': ' || detail, '; ') FROM pgwright.restore_drill_checks WHERE what ~ 'recall|rows'";
  const evidence = stack.sql("postgres", found);
  console.log(`drill in ${time.toFixed(0)} s: ${evidence}`);
  if (!evidence.includes(`in bench: ${recall};`)) throw new Error(`drill: recall is not ${recall}`);
}

/** Milliseconds of a small commit, measured on both servers alternately. */
async function commits(archiving: TestStack, plain: TestStack): Promise<Figure> {
  console.log("commits with and without an archive");
  const load = ["-U", "postgres", "-c", "4", "-T", "15", "-n", "-b", "simple-update", "bench"];
  const latency = (stack: TestStack) => {
    const text = stack.inServer("pgbench", ...load);
    return Number(/^latency average = ([\d.]+) ms/m.exec(text)?.[1]);
  };
  const both = [[], []] as [number[], number[]];
  for (const stack of [archiving, plain]) {
    stack.sql("postgres", "DROP DATABASE IF EXISTS bench WITH (FORCE)");
    stack.sql("postgres", "CREATE DATABASE bench");
    stack.inServer("pgbench", "-U", "postgres", "-i", "-q", "--scale", "20", "bench");
  }
  for (let round = 0; round < ROUNDS; round++) {
    both[0].push(latency(archiving));
    both[1].push(latency(plain));
  }
  const [ours, peer] = both.map(median) as [number, number];
  return { name: "commit-latency", ours, peer, unit: "ms", against: "the same server without an archive" };
}

export async function run([scale = "100", vectors = "200000"]: string[]): Promise<void> {
  const server = { memory: "4GB", cpus: 2, connections: 40, workload: "vector" } as const;
  const stack = await TestStack.create({
    server: { ...server, settings: { summarize_wal: "on" } },
    backup: { verify: null, differential: null },
    roles: { bench: {} },
    databases: { bench: { owner: "bench", extensions: { vector: {} } } },
  });
  const plain = await TestStack.create({ server });
  try {
    await stack.up();
    console.log(`creating the data set: pgbench scale ${scale}, ${vectors} vectors with an HNSW index`);
    console.log(`${(await seconds(() => fill(stack, Number(scale), Number(vectors)))).toFixed(0)} s`);
    const figures = await backups(stack);
    await drilled(stack);
    await plain.up();
    report("backups", [...figures, await commits(stack, plain)]);
  } finally {
    spawnSync("docker", ["volume", "rm", "--force", `${stack.container}-scratch`]);
    await plain.dispose();
    await stack.dispose();
  }
}
