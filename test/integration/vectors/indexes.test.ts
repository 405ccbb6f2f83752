import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestStack } from "../stack";
import { vectorsSql, writeMigrations } from "./data";

const INDEX = "rag.chunks_embedding_idx";

describe("a vector index", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await TestStack.create({
      server: { memory: "1GB", cpus: 2, cronDatabase: "app" },
      roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] } },
      databases: {
        app: {
          owner: "owner",
          schemas: { rag: {}, extensions: {} },
          extensions: { vector: { schema: "extensions" } },
          grants: { keeper: { database: ["CONNECT"] }, owner: { schemas: { extensions: { schema: ["USAGE"] } } } },
        },
      },
    });
    const migrations = {
      "1_chunks.sql": `
        CREATE TABLE rag.chunks (id int PRIMARY KEY, language text NOT NULL, embedding extensions.vector(64));
        INSERT INTO rag.chunks SELECT n, CASE n % 4 WHEN 0 THEN 'de' ELSE 'en' END, embedding FROM (${vectorsSql(12_000, 64)}) AS v`,
    };
    stack.configure(({ databases }) => {
      const app = databases?.app as NonNullable<typeof databases>[string];
      app.migrations = { folder: writeMigrations(stack, migrations) };
      app.vectors = {
        role: "keeper",
        indexes: {
          [INDEX]: { table: "rag.chunks", column: "embedding", distance: "cosine", recall: { atLeast: 0.9 } },
        },
      };
    });
    await stack.up();
  }, 300_000);
  afterAll(() => stack.dispose());

  type Index = NonNullable<NonNullable<NonNullable<typeof stack.config.databases>[string]["vectors"]>["indexes"][string]>;
  const declare = (change: (index: Index) => void) =>
    stack.configure(({ databases }) => change(databases?.app?.vectors?.indexes[INDEX] as Index));
  const sql = (text: string) => stack.sql("app", text);
  const definition = () => sql(`SELECT indexdef FROM pg_indexes WHERE indexname = 'chunks_embedding_idx'`);
  const health = (columns: string) => sql(`SELECT ${columns} FROM pgwright.vector_health WHERE index_name = '${INDEX}'`);
  const searchOfSessions = () => Number(sql("LOAD 'vector'; SHOW hnsw.ef_search"));
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };

  /** Recall, counted by other means: of queries that are no rows, over the ten nearest. */
  function countRecall(): number {
    const nearest = (how: string) => `
      SELECT q.n, c.id FROM probes AS q CROSS JOIN LATERAL (
        SELECT id FROM rag.chunks AS c ORDER BY c.embedding OPERATOR(extensions.<=>) q.embedding LIMIT 10
      ) AS c ${how}`;
    return Number(
      sql(`
        CREATE TEMP TABLE probes AS SELECT * FROM (${vectorsSql(60, 64, 0.7)}) AS v;
        SET enable_indexscan = off;
        CREATE TEMP TABLE truth AS ${nearest("")};
        SET enable_indexscan = on; SET enable_seqscan = off;
        CREATE TEMP TABLE found AS ${nearest("")};
        SELECT count(*)::numeric / 600 FROM truth JOIN found USING (n, id)`),
    );
  }

  it("is built, and sessions search as far as its recall needs", async () => {
    expect(definition()).toBe(
      "CREATE INDEX chunks_embedding_idx ON rag.chunks USING hnsw (embedding extensions.vector_cosine_ops) WITH (m='16', ef_construction='64')",
    );
    const [recall, search, sessions] = health("recall, measured_with, search").split("|").map(Number);
    expect(recall).toBeGreaterThanOrEqual(0.9);
    expect(sessions).toBe(search);
    expect(searchOfSessions()).toBe(search);
    expect(countRecall()).toBeGreaterThan(0.85);
    await quiet();
  });

  it("searches further when more is declared, and less far when less is", async () => {
    const before = searchOfSessions();
    declare(({ recall }) => Object.assign(recall as object, { atLeast: 0.99 }));
    await stack.up();
    expect(searchOfSessions()).toBeGreaterThan(before);
    expect(Number(health("recall"))).toBeGreaterThanOrEqual(0.99);
    expect(countRecall()).toBeGreaterThan(0.96);
    declare(({ recall }) => Object.assign(recall as object, { atLeast: 0.9 }));
    await stack.up();
    expect(searchOfSessions()).toBe(before);
    await quiet();
  });
});
