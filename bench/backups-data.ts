import type { TestStack } from "../test/integration/stack";

/** Dimensions of an embedding. */
const DIMENSIONS = 1536;
/** Each vector is the sum of a center and of a fraction of a direction. */
const CENTERS = 1000;
const DIRECTIONS = 1000;
const PROBES = 20;

/** Fills the database "bench": pgbench's tables of a scale, and a number of vectors with an HNSW index. */
export function fill(stack: TestStack, scale: number, vectors: number): void {
  stack.inServer("pgbench", "-U", "postgres", "-i", "-q", "--scale", String(scale), "bench");
  const random = (rows: number) =>
    `SELECT n, (SELECT array_agg(random() - 0.5) FROM generate_series(1, ${DIMENSIONS}) WHERE n > 0)::vector AS v
     FROM generate_series(1, ${rows}) AS n`;
  stack.sql(
    "bench",
    `SELECT setseed(0.17);
     CREATE TABLE centers AS ${random(CENTERS)};
     CREATE TABLE directions AS ${random(DIRECTIONS)};
     CREATE TABLE chunks (id int PRIMARY KEY, embedding vector(${DIMENSIONS}) NOT NULL);
     ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;
     INSERT INTO chunks
     SELECT i, c.v + d.v * array_fill(0.3::real, ARRAY[${DIMENSIONS}])::vector
     FROM generate_series(1, ${vectors}) AS i
     JOIN centers AS c ON c.n = 1 + i % ${CENTERS}
     JOIN directions AS d ON d.n = 1 + (i / ${CENTERS}) * 7 % ${DIRECTIONS};
     CREATE INDEX ON chunks USING hnsw (embedding vector_l2_ops);
     ANALYZE`,
  );
}

/** Recall of the index over some probes, for ten neighbours: an expression of SQL. */
export const RECALL = `
  (SELECT round(avg(hit), 4) FROM (
    SELECT (
      SELECT count(*) / 10.0 FROM (
        SELECT id FROM (SELECT set_config('enable_seqscan', 'off', true)) AS off, chunks ORDER BY embedding <-> p.embedding LIMIT 10
      ) AS found
      WHERE id IN (SELECT id FROM (SELECT id, embedding <-> p.embedding AS d FROM chunks OFFSET 0) AS every ORDER BY d LIMIT 10)
    ) AS hit
    FROM chunks AS p WHERE p.id <= ${PROBES}
  ) AS probes)`;
