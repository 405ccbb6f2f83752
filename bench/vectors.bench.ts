import { docker, TestStack } from "../test/integration/stack";
import { writeMigrations } from "../test/integration/vectors/data";
import { PlainServer } from "./plain-server";
import { report, seconds } from "./report";

// Compares a declared vector index with CREATE INDEX CONCURRENTLY on a server of the same size with PostgreSQL's default settings, as
// `docker run` starts it; measures the time to find and measure a recall, and the recall with pgvector's default search.

const ROWS = Number(process.env.VECTOR_ROWS ?? 30_000);
const DIMENSIONS = 1536;
const MEMORY = "4g";

/** Rows like texts of a few hundred subjects: centers, and another direction for each row. */
const rows = (schema: string) => `
  SELECT setseed(0.17);
  CREATE TEMP TABLE centers AS
  SELECT n, (SELECT array_agg(random() - 0.5) FROM generate_series(1, ${DIMENSIONS}) WHERE n > 0)::${schema}.vector AS v
  FROM generate_series(1, 700) AS n;
  INSERT INTO chunks
  SELECT i, a.v OPERATOR(${schema}.+) b.v OPERATOR(${schema}.*) array_fill(0.6::real, ARRAY[${DIMENSIONS}])::${schema}.vector
    OPERATOR(${schema}.+) c.v OPERATOR(${schema}.*) array_fill(0.3::real, ARRAY[${DIMENSIONS}])::${schema}.vector
  FROM generate_series(1, ${ROWS}) AS i
  JOIN centers AS a ON a.n = 1 + i % 300
  JOIN centers AS b ON b.n = 301 + (i / 300) * 7 % 400
  JOIN centers AS c ON c.n = 1 + i * 11 % 700;
  ANALYZE chunks;`;

export async function run(): Promise<void> {
  const stack = await TestStack.create({
    server: { memory: "4GB", cpus: 2, workload: "vector" },
    roles: { owner: { login: true, password: false } },
    databases: { bench: { owner: "owner", extensions: { vector: {} } } },
  });
  let plain: PlainServer | undefined;
  try {
    const folder = writeMigrations(stack, {
      "20260101000000_chunks.sql": `CREATE TABLE public.chunks (id int PRIMARY KEY, embedding public.vector(${DIMENSIONS}) NOT NULL);`,
    });
    stack.configure(({ databases }) => Object.assign(databases?.bench as object, { migrations: { folder } }));
    await stack.up();
    stack.sql("bench", rows("public"));
    const declare = (recall?: { atLeast: number }) =>
      stack.configure(({ databases }) => {
        const index = {
          table: "public.chunks",
          column: "embedding",
          distance: "cosine" as const,

          recall,
        };
        Object.assign(databases?.bench as object, { vectors: { indexes: { "public.chunks_idx": index } } });
      });
    const idle = await seconds(() => stack.up());
    declare();
    const up = await seconds(() => stack.up());
    declare({ atLeast: 0.92 });
    const measured = await seconds(() => stack.up());
    const found = stack.sql("bench", "SELECT recall || ' ' || search || ' ' || median_ms FROM pgwright.vector_health");
    const [recall = 0, search = 0, latency = 0] = found.split(" ").map(Number);
    const measure = (value: number) =>
      stack
        .sql(
          "bench",
          `SELECT t.recall || ' ' || t.median_ms FROM pgwright.vector_indexes AS i CROSS JOIN LATERAL pgwright.vector_queries(i) AS q
           CROSS JOIN LATERAL pgwright.vector_try(i, q, ${value}) AS t`,
        )
        .split(" ")
        .map(Number);
    const [byDefault = 0, latencyByDefault = 0] = measure(40);
    const exact = stack.inServer(
      "psql",
      "-XAtU",
      "postgres",
      "bench",
      "-c",
      "SET enable_indexscan = off",
      "-c",
      "SELECT count(*) FROM chunks",
      "-c",
      "\\timing on",
      "-c",
      "SELECT id FROM chunks ORDER BY embedding <=> (SELECT embedding FROM chunks WHERE id = 77) LIMIT 10",
    );
    const exactMs = Number(/Time: ([\d.]+) ms/.exec(exact)?.[1]);

    const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
    await stack.destroy();
    const files = {
      "postgresql.conf": "listen_addresses = '*'\nunix_socket_directories = '/var/run/postgresql'\n",
      "pg_hba.conf": "local all all trust\nhost all all all trust\n",
      "pg_ident.conf": "",
    };
    plain = new PlainServer(`${stack.container}-plain`, { image, files, memory: MEMORY, cpus: 2, sharedMemory: "64m" });
    await plain.up();
    await plain.sql(
      `CREATE EXTENSION vector; CREATE TABLE chunks (id int PRIMARY KEY, embedding vector(${DIMENSIONS}) NOT NULL); ${rows("public")}`,
    );
    const peer = await seconds(() =>
      plain?.sql("CREATE INDEX CONCURRENTLY chunks_idx ON chunks USING hnsw (embedding vector_cosine_ops)"),
    );
    console.log(`recall ${recall} with hnsw.ef_search ${search}; ${byDefault} with 40, pgvector's default`);
    console.log(
      `update without changes ${idle.toFixed(1)} s, with the build ${up.toFixed(1)} s, finding a recall ${measured.toFixed(1)} s`,
    );
    report("vectors", [
      { name: "build", ours: up - idle, peer, unit: "s", against: "CREATE INDEX CONCURRENTLY, settings of docker run" },
      { name: "find-and-measure-recall", ours: measured - idle, peer: up - idle, unit: "s", against: "the build" },
      { name: "query", ours: latency, peer: exactMs, unit: "ms", against: "an exact search" },
      { name: "query-with-recall", ours: latency, peer: latencyByDefault, unit: "ms", against: "ef_search 40" },
      { name: "missed", ours: 1 - recall, peer: Math.max(1e-4, 1 - byDefault), unit: "of 1", against: "ef_search 40" },
    ]);
  } finally {
    plain?.down();
    await stack.dispose();
  }
}
