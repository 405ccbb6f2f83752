import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../eventually";
import { InProcessStack } from "../in-process-stack";
import { vectorsSql, writeMigrations } from "./data";

const INDEX = "rag.chunks_embedding_idx";

describe("a vector index", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { memory: "1GB", cpus: 2, cronDatabase: "app" },
      roles: { owner: {}, keeper: { login: true, password: false }, writer: { login: true }, stranger: {} },
      databases: {
        app: {
          owner: "owner",
          schemas: { rag: {}, extensions: {} },
          extensions: { vector: { schema: "extensions" } },
          grants: {
            keeper: {
              database: ["CONNECT"],
              schemas: { rag: { schema: ["USAGE"], tables: ["SELECT"] }, extensions: { schema: ["USAGE"] } },
            },
            writer: {
              database: ["CONNECT"],
              schemas: { rag: { schema: ["USAGE"], tables: ["SELECT", "INSERT"] }, extensions: { schema: ["USAGE"] } },
            },
            owner: { schemas: { extensions: { schema: ["USAGE"] } } },
          },
        },
      },
    });
    const migrations = {
      "20260101000000_chunks.sql": `
        CREATE TABLE rag.chunks (id int PRIMARY KEY, language text NOT NULL, embedding extensions.vector(64));
        INSERT INTO rag.chunks SELECT n, CASE n % 4 WHEN 0 THEN 'de' ELSE 'en' END, embedding FROM (${vectorsSql(12_000, 64)}) AS v`,
    };
    stack.configure(({ databases }) => {
      const app = databases?.app as NonNullable<typeof databases>[string];
      app.migrations = { folder: writeMigrations(stack, migrations) };
      app.vectors = {
        role: "keeper",
        indexes: {
          [INDEX]: {
            table: "rag.chunks",
            column: "embedding",
            distance: "cosine",
            hnsw: { m: 4, efConstruction: 24 },
            recall: { atLeast: 0.92 },
          },
        },
      };
    });
    await stack.up();
  }, 300_000);
  afterAll(() => stack.dispose());

  type Index = NonNullable<
    NonNullable<NonNullable<typeof stack.config.databases>[string]["vectors"]>["indexes"][string]
  >;
  const declare = (change: (index: Index) => void) =>
    stack.configure(({ databases }) => change(databases?.app?.vectors?.indexes[INDEX] as Index));
  const sql = (text: string, fails = false) => {
    try {
      return stack.sql("app", text);
    } catch (error) {
      if (fails) return (error as Error).message;
      throw error;
    }
  };
  const definition = () => sql(`SELECT indexdef FROM pg_indexes WHERE indexname = 'chunks_embedding_idx'`);
  const health = (columns: string) =>
    sql(`SELECT ${columns} FROM pgwright.vector_health WHERE index_name = '${INDEX}'`);
  const searchOfSessions = () => Number(sql("LOAD 'vector'; SHOW hnsw.ef_search"));
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };

  /** What the job does; CALL commits, so it is a statement of its own. */
  const measure = () =>
    stack.inServer(
      "psql",
      "-XU",
      "postgres",
      "-v",
      "ON_ERROR_STOP=1",
      "app",
      "-c",
      "SET ROLE keeper",
      "-c",
      "CALL pgwright.measure_vectors()",
    );

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
      "CREATE INDEX chunks_embedding_idx ON rag.chunks USING hnsw (embedding extensions.vector_cosine_ops) WITH (m='4', ef_construction='24')",
    );
    const [recall, search, sessions] = health("recall, measured_with, search").split("|").map(Number);
    expect(recall).toBeGreaterThanOrEqual(0.9);
    expect(sessions).toBe(search);
    expect(searchOfSessions()).toBe(search);
    expect(countRecall(), `measured ${recall}, hnsw.ef_search ${search}`).toBeGreaterThan(0.85);
    await quiet();
    const drift = await stack.cli("drift");
    expect(drift.code, drift.text).toBe(0);
  });

  it("searches further when more is declared, and less far when less is", async () => {
    const before = searchOfSessions();
    declare(({ recall }) => Object.assign(recall as object, { atLeast: 0.6 }));
    await stack.up();
    expect(searchOfSessions()).toBeLessThan(before);
    declare(({ recall }) => Object.assign(recall as object, { atLeast: 0.92 }));
    await stack.up();
    expect(searchOfSessions()).toBe(before);
    expect(Number(health("recall"))).toBeGreaterThanOrEqual(0.9);
  });

  it("that cannot find what is declared fails the update, and says what it finds", async () => {
    declare(({ recall }) => Object.assign(recall as object, { atLeast: 0.995 }));
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /the recall of the index on rag.chunks is too low: recall@10 0\.9\d+ at best, over 50 queries, and recall.atLeast is 0.995; .* a larger m or efConstruction \(now 4 and 24\)/,
    );
    expect(definition()).toContain("m='4'");
    // It is not forgotten: the next update comes back to it.
    expect((await stack.tryUp()).text).toContain("the recall of the index on rag.chunks is too low");
    expect(health("problem")).toMatch(/^recall 0\.\d+ is below 0\.995$/);
  });

  it("is built anew beside the one that serves, while rows are read and written", async () => {
    const writer = await stack.connect(
      "writer",
      (await stack.output<Record<string, string>>("rolePasswords")).writer as string,
      "app",
    );
    let over = false;
    let longest = 0;
    const written: number[] = [];
    const atWork = (async () => {
      for (let n = 100_000; !over; n += 1) {
        const begun = Date.now();
        await writer.query("INSERT INTO rag.chunks SELECT $1, 'en', embedding FROM rag.chunks WHERE id = $2", [
          n,
          (n % 12_000) + 1,
        ]);
        const { rows } = await writer.query(
          `EXPLAIN (FORMAT JSON) SELECT id FROM rag.chunks
           ORDER BY embedding OPERATOR(extensions.<=>) (SELECT embedding FROM rag.chunks WHERE id = 1) LIMIT 10`,
        );
        expect(JSON.stringify(rows)).toContain("chunks_embedding_idx");
        longest = Math.max(longest, Date.now() - begun);
        written.push(n);
        await sleep(5);
      }
    })();
    declare((index) =>
      Object.assign(index, { hnsw: { m: 16, efConstruction: 64, efSearch: 77 }, recall: { atLeast: 0.9 } }),
    );
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(
      /builds an hnsw index \(m 16, ef_construction 64\) of rag.chunks concurrently: about 12,\d+ rows of vector\(64\), \d+ MiB/,
    );
    await stack.up();
    over = true;
    await atWork;
    await writer.end();
    expect(definition()).toContain("m='16', ef_construction='64'");
    expect(sql("SELECT count(*) FROM pg_indexes WHERE schemaname = 'rag'")).toBe("2");
    expect(Number(health("recall"))).toBeGreaterThanOrEqual(0.9);
    expect(searchOfSessions()).toBe(77);
    // A row that was written meanwhile is found through the index as the nearest to itself.
    const found =
      sql(`SET enable_seqscan = off; SELECT count(*) FROM rag.chunks AS c WHERE c.id = ANY ('{${written.join()}}') AND
      EXISTS (SELECT FROM (SELECT id FROM rag.chunks ORDER BY embedding OPERATOR(extensions.<=>) c.embedding LIMIT 30) AS n WHERE n.id = c.id)`);
    expect(Number(found)).toBeGreaterThan(0.95 * written.length);
    expect(written.length).toBeGreaterThan(10);
    expect(longest).toBeLessThan(2000);
    await quiet();
  });

  it("that somebody has dropped, altered or outdone is seen, and put back", async () => {
    sql("DROP INDEX rag.chunks_embedding_idx");
    const gone = await stack.preview();
    expect(gone.changes.map(({ op, kind }) => `${op} ${kind}`)).toEqual(["update VectorIndex"]);
    expect(gone.messages.join("\n")).toContain("the index does not exist; the update repairs it");
    await stack.up();
    expect(health("valid")).toBe("t");

    sql(
      "DROP INDEX rag.chunks_embedding_idx; CREATE INDEX chunks_embedding_idx ON rag.chunks USING ivfflat (embedding extensions.vector_l2_ops) WITH (lists = 5)",
    );
    const { changes } = await stack.preview();
    expect(Object.keys(changes[0]?.detailedDiff ?? {}).sort()).toEqual([
      "definition.distance",
      "definition.hnsw",
      "definition.ivfflat",
      "problems",
    ]);
    await stack.up();
    expect(definition()).toContain("USING hnsw (embedding extensions.vector_cosine_ops)");

    sql("ALTER DATABASE app RESET hnsw.ef_search");
    expect((await stack.preview()).messages.join()).toContain(
      "hnsw.ef_search of the database is 40, and this index needs 77",
    );
    await stack.up();
    expect(searchOfSessions()).toBe(77);
  });

  it("goes on where a run that was killed has stopped", async () => {
    // What CREATE INDEX CONCURRENTLY leaves when its session is ended while it waits.
    const reader = await stack.connect(
      "writer",
      (await stack.output<Record<string, string>>("rolePasswords")).writer as string,
      "app",
    );
    await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM rag.chunks");
    declare((index) => Object.assign(index, { hnsw: { m: 12, efConstruction: 64, efSearch: 77 } }));
    await stack.handOver("up");
    const child = stack.start("up", "--yes", "--skip-preview", "--stack", stack.name);
    const building =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'";
    await eventually("the build waits", () => sql(building) === "1", { seconds: 60, every: 200 });
    process.kill(-(child.pid as number), "SIGKILL");
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'");
    await reader.query("COMMIT");
    await reader.end();
    const { text } = await stack.cli("preview");
    expect(text).toContain("a build was interrupted; the update repairs it");
    expect(definition()).toContain("m='16'");
    const { code, text: done } = await stack.cli("up");
    expect(code, done).toBe(0);
    expect(done).toContain("dropping rag.chunks_embedding_idx_pgwright_new, the index of an interrupted build");
    expect(definition()).toContain("m='12'");
    await quiet();
  });

  it("is measured by its job, whose role need own nothing; a fall of the recall is reported", async () => {
    measure();
    expect(health("measured_at > now() - interval '1 minute', problem")).toBe("t|");
    sql("ALTER DATABASE app SET hnsw.ef_search = 1");
    measure();
    expect(health("problem")).toMatch(/^recall 0\.\d+ is below 0\.9$/);
    const status = await stack.cli("status");
    expect(status.code).toBe(1);
    expect(status.text).toMatch(
      /^! vectors, rag.chunks_embedding_idx +recall@10 0\.\d+ of 0.9 declared, a query [\d.]+ ms, .*is below/m,
    );
    expect((await stack.cli("metrics")).text).toMatch(
      /^pgwright_vector_problem{index="rag.chunks_embedding_idx",database="app"} 1$/m,
    );
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /recall@10 0(\.\d+)? \(hnsw.ef_search 1, 50 queries\) at .*Z is below 0.9; the update repairs it/,
    );
    await stack.up();
    expect(health("problem")).toBe("");
    expect(sql("SET ROLE stranger; SELECT pgwright.vector_measure('rag.chunks_embedding_idx')", true)).toContain(
      "permission denied",
    );
    await quiet();
  });

  it("goes with what it has set when it is taken out", async () => {
    stack.configure(({ databases }) => delete databases?.app?.vectors);
    await stack.up();
    expect(definition()).toBe("");
    expect(searchOfSessions()).toBe(40);
    expect(
      sql("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('pgwright') AND relname LIKE 'vector%'"),
    ).toBe("0");
    await quiet();
  });
});
