import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphBytes, hnswBytes, ivfflatBytes } from "../../../tuning/vector-index";
import { vectorsSql, writeMigrations } from "./data";
import { InProcessStack } from "../in-process-stack";

const ROWS = 4000;
const table = (name: string, type: string, dimensions = 64, rows = ROWS) => `
  CREATE TABLE rag.${name} (id int PRIMARY KEY, tenant text NOT NULL, embedding extensions.${type}(${dimensions}));
  INSERT INTO rag.${name} SELECT n, 't' || n % 3, embedding FROM (${vectorsSql(rows, dimensions)}) AS v;`;

describe("vector indexes of each kind", () => {
  let stack: InProcessStack;
  const index = (of: string, more: object = {}) => ({
    table: `rag.${of}`,
    column: "embedding",
    distance: "cosine" as const,
    recall: { atLeast: 0.9, queries: 20 },
    ...more,
  });
  const indexes = {
    "rag.half_idx": index("half", { precision: "half", where: "tenant = 't1' AND id > 10" }),
    "rag.bits_idx": index("bits", { precision: "binary", recall: { atLeast: 0.8, queries: 20 } }),
    "rag.lists_idx": index("lists", {
      ivfflat: { lists: 40 },
      distance: "l2",
      recall: { atLeast: 0.999, queries: 100 },
    }),
    "rag.halves_idx": index("halves", {
      distance: "innerProduct",
      recall: { atLeast: 0.9, queries: 20, from: { table: "rag.asked", column: "embedding" } },
    }),
    "rag.Wide_idx": { ...index("wide"), recall: undefined },
    "rag.parts_idx": index("parts"),
    "rag.grown_idx": index("grown", { ivfflat: { lists: 40 }, distance: "l2" }),
    "rag.rare_idx": index("rare", {
      iterativeScan: "strict_order",
      recall: { atLeast: 0.9, queries: 20, where: "id % 50 = 7" },
    }),
  };
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { memory: "1GB", cpus: 2, cronDatabase: "app" },
      roles: { owner: { login: true, password: false }, other: {} },
      databases: {
        app: {
          owner: "owner",
          schemas: { rag: {}, extensions: {} },
          extensions: { vector: { schema: "extensions" } },
          grants: { owner: { schemas: { extensions: { schema: ["USAGE"] } } } },
        },
      },
    });
    const folder = writeMigrations(stack, {
      "20260101000000_tables.sql": [
        table("half", "vector"),
        table("bits", "vector", 256),
        table("lists", "vector"),
        table("halves", "halfvec"),
        table("questions", "halfvec", 64, 100),
        `CREATE FUNCTION rag.is_nobody_special() RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN
           IF current_setting('is_superuser')::boolean THEN RAISE EXCEPTION 'run by a superuser'; END IF;
           RETURN true;
         END $$;
         CREATE VIEW rag.asked AS SELECT embedding FROM rag.questions WHERE rag.is_nobody_special();`,
        table("wide", "vector", 1536, 2000),
        table("rare", "vector"),
        `CREATE TABLE rag.grown (id int, embedding extensions.vector(64)) PARTITION BY RANGE (id);
         CREATE TABLE rag.grown_1 PARTITION OF rag.grown FOR VALUES FROM (0) TO (2000);`,
        `CREATE TABLE rag.parts (id int, tenant text NOT NULL, embedding extensions.vector(64), PRIMARY KEY (tenant, id)) PARTITION BY LIST (tenant);
         CREATE TABLE rag.parts_t0 PARTITION OF rag.parts FOR VALUES IN ('t0');
         CREATE TABLE rag.parts_more PARTITION OF rag.parts FOR VALUES IN ('t1', 't2') PARTITION BY LIST (tenant);
         CREATE TABLE rag.parts_t1 PARTITION OF rag.parts_more FOR VALUES IN ('t1');
         CREATE TABLE rag.parts_t2 PARTITION OF rag.parts_more FOR VALUES IN ('t2');
         INSERT INTO rag.parts SELECT n, 't' || n % 3, embedding FROM (${vectorsSql(ROWS, 64)}) AS v;`,
      ].join("\n"),
    });
    stack.configure(({ databases }) =>
      Object.assign(databases?.app as object, {
        migrations: { folder },
        vectors: { indexes: structuredClone(indexes) },
      }),
    );
    await stack.up();
  }, 300_000);
  afterAll(() => stack.dispose());

  const sql = (text: string) => stack.sql("app", text);
  const change = (name: keyof typeof indexes, more: object) =>
    stack.configure(({ databases }) => Object.assign(databases?.app?.vectors?.indexes[name] as object, more));
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };

  it("are what is declared, and find what is declared", async () => {
    await quiet();
    const definitions = sql(
      "SELECT substring(indexdef FROM 'USING.*') FROM pg_indexes WHERE schemaname = 'rag' AND indexdef ~ 'hnsw|ivfflat' ORDER BY indexname",
    );
    expect(definitions).toContain(
      "USING hnsw (((embedding)::extensions.halfvec(64)) extensions.halfvec_cosine_ops) WITH (m='16', ef_construction='64') WHERE ((tenant = 't1'::text) AND (id > 10))",
    );
    expect(definitions).toContain(
      "USING hnsw (((extensions.binary_quantize(embedding))::bit(256)) extensions.bit_hamming_ops)",
    );
    expect(definitions).toContain("USING ivfflat (embedding) WITH (lists='40')");
    expect(definitions).toContain("USING hnsw (embedding extensions.halfvec_ip_ops)");
    const health = sql(
      "SELECT index_name, recall >= at_least, queries, problem FROM pgwright.vector_health ORDER BY 1",
    ).split("\n");
    expect(health).toEqual([
      `rag."Wide_idx"|||`,
      "rag.bits_idx|t|20|",
      "rag.grown_idx||0|",
      "rag.half_idx|t|20|",
      "rag.halves_idx|t|20|",
      "rag.lists_idx|t|100|",
      "rag.parts_idx|t|20|",
      "rag.rare_idx|t|20|",
    ]);
    expect(Number(sql("LOAD 'vector'; SHOW ivfflat.probes"))).toBeGreaterThan(1);
  });

  it("are as large as previews say, on disk and in memory", () => {
    const bytes = (name: string) => Number(sql(`SELECT pg_relation_size('rag.${name}')`));
    const within = (estimate: number, real: number) => {
      expect(estimate).toBeGreaterThan(0.85 * real);
      expect(estimate).toBeLessThan(1.15 * real);
    };
    within(hnswBytes(2000, "vector", 1536, 16), bytes('"Wide_idx"'));
    within(hnswBytes(ROWS, "bit", 256, 16), bytes("bits_idx"));
    within(hnswBytes(ROWS, "halfvec", 64, 16), bytes("halves_idx"));
    within(ivfflatBytes(ROWS, "vector", 64, 40), bytes("lists_idx"));
    // With as little memory as there may be, pgvector tells after how many rows the graph no longer fits.
    for (const [of, type, dimensions] of [
      ["wide", "vector", 1536],
      ["half", "vector", 64],
      ["halves", "halfvec", 64],
    ] as const) {
      const notice = stack.inServer(
        "bash",
        "-c",
        `psql -XU postgres app -c "SET maintenance_work_mem = '1MB'" -c "CREATE INDEX probe ON rag.${of} USING hnsw (embedding extensions.${type}_cosine_ops)" -c "DROP INDEX rag.probe" 2>&1`,
      );
      const [, rows] = /no longer fits into maintenance_work_mem after (\d+) tuples/.exec(notice) ?? [];
      within(graphBytes(Number(rows), type, dimensions, 16), 2 ** 20);
    }
  });

  it("cover a partitioned table: each partition, those that come later, and a rebuild", async () => {
    const parts = () =>
      sql(
        `SELECT string_agg(x.indrelid::regclass || ' ' || x.indisvalid, ', ' ORDER BY x.indrelid::regclass::text) FROM pg_partition_tree('rag.parts_idx') AS t JOIN pg_index AS x ON x.indexrelid = t.relid`,
      );
    const whole = "rag.parts true, rag.parts_more true, rag.parts_t0 true, rag.parts_t1 true, rag.parts_t2 true";
    expect(parts()).toBe(whole);
    sql(
      `CREATE TABLE rag.parts_t3 PARTITION OF rag.parts FOR VALUES IN ('t3'); INSERT INTO rag.parts SELECT id + 10000, 't3', embedding FROM rag.parts WHERE tenant = 't0'`,
    );
    expect(parts()).toBe(`${whole}, rag.parts_t3 true`);
    change("rag.parts_idx", { hnsw: { m: 8, efConstruction: 32 } });
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toContain(
      "BRIEF LOCK: rag.parts is locked while the index of the parent is created, and while the old index is dropped",
    );
    await stack.up();
    expect(parts()).toBe(`${whole}, rag.parts_t3 true`);
    expect(sql("SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'rag.parts.*hnsw.*m=.?8'")).toBe("6");
    expect(sql("SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'rag.parts.*hnsw'")).toBe("6");
    // A part that is missing, as after a kill, is made; the others stay.
    const before = sql("SELECT 'rag.parts_idx'::regclass::oid");
    sql(`CREATE TABLE rag.parts_t4 (LIKE rag.parts INCLUDING DEFAULTS); CREATE INDEX late ON ONLY rag.parts USING hnsw (embedding extensions.vector_cosine_ops) WITH (m = 8, ef_construction = 32);
      DROP INDEX rag.parts_idx; ALTER INDEX rag.late RENAME TO parts_idx`);
    expect((await stack.preview()).messages.join("\n")).toContain(
      "partitions lack their part of the index; the update repairs it",
    );
    await stack.up();
    expect(parts()).toBe(`${whole}, rag.parts_t3 true`);
    expect(sql("SELECT 'rag.parts_idx'::regclass::oid")).not.toBe(before);
    await quiet();
  });

  it("let queries with conditions find enough rows, where iterative scans are on", () => {
    const found = (before: string) =>
      sql(`LOAD 'vector'; SET enable_seqscan = off; ${before} SELECT count(*) FROM (
        SELECT FROM rag.rare WHERE id % 50 = 7
        ORDER BY embedding OPERATOR(extensions.<=>) (SELECT embedding FROM rag.rare WHERE id = 1) LIMIT 10) AS found`);
    expect(found("")).toBe("10");
    expect(Number(found("SET hnsw.iterative_scan = off;"))).toBeLessThan(10);
  });

  it("are built anew, part by part, once there are rows to find centres in", async () => {
    const parts = (name: string) =>
      sql(`SELECT string_agg(indexrelid::text, ' ') FROM pg_index WHERE indrelid = '${name}'::regclass`);
    sql(`CREATE TABLE rag.grown_2 PARTITION OF rag.grown FOR VALUES FROM (2000) TO (9000); CREATE TABLE rag.grown_3 PARTITION OF rag.grown FOR VALUES FROM (9000) TO (9999);
         INSERT INTO rag.grown ${vectorsSql(ROWS, 64)}`);
    const before = parts("rag.grown_3");
    const problem = (name: string) =>
      new RegExp(`rag.${name}\\S* has the centres of 0 rows, and its table has about \\d+`);
    const { messages } = await stack.preview();
    for (const name of ["grown_1", "grown_2"]) expect(messages.join("\n")).toMatch(problem(name));
    expect(sql("SELECT problem FROM pgwright.vector_health WHERE index_name = 'rag.grown_idx'")).toMatch(
      problem("grown_1"),
    );
    expect(await stack.up()).toMatch(/rag.grown_2\S*: rebuilt with about \d+ rows/);
    expect(sql("SELECT recall >= 0.9, problem FROM pgwright.vector_health WHERE index_name = 'rag.grown_idx'")).toBe(
      "t|",
    );
    expect(parts("rag.grown_3")).toBe(before);
    await quiet();
  });

  it("are reported where row security hides the rows from those who measure", async () => {
    sql(
      "ALTER TABLE rag.bits ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; SET ROLE owner; SELECT pgwright.vector_measure('rag.bits_idx')",
    );
    expect(sql("SELECT problem FROM pgwright.vector_health WHERE index_name = 'rag.bits_idx'")).toBe(
      "its recall was not measured: row security hides all rows from role owner",
    );
    expect((await stack.tryUp()).text).toMatch(
      /recall cannot be measured: row security hides all rows from role owner; set pgwright:roles.owner/,
    );
    stack.configure(({ roles }) => Object.assign(roles!.owner as object, { bypassRowLevelSecurity: true }));
    await stack.up();
    expect(sql("SELECT problem FROM pgwright.vector_health WHERE index_name = 'rag.bits_idx'")).toBe("");
    await quiet();
  });

  it("of another role's table are not measured by the job of the database's owner, in whose sessions its code would run", async () => {
    sql("GRANT ALL ON SCHEMA rag TO other; ALTER TABLE rag.half OWNER TO other");
    change("rag.half_idx", { recall: { atLeast: 0.8, queries: 20 } });
    const refused =
      "table rag.half belongs to other, but the job that measures recalls runs as owner, the owner of the database, and would run " +
      "the policies and expressions of other; set vectors.role to a role that may log in and read rag.half, such as other";
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toContain(refused);
    sql("ALTER TABLE rag.half OWNER TO owner; REVOKE ALL ON SCHEMA rag FROM other");
    change("rag.half_idx", { recall: { atLeast: 0.9, queries: 20 } });
    await quiet();
  });

  it("are refused before anything happens where the column does not suit", async () => {
    change("rag.half_idx", { column: "embeding" });
    expect((await stack.preview()).messages.join("\n")).toContain(
      "rag.half.embeding: the column does not exist; the update fails unless it creates the missing objects",
    );
    change("rag.half_idx", { column: "embedding", distance: "hamming" });
    expect((await stack.preview()).messages.join("\n")).toContain(
      "a vector has no distance hamming; allowed are l2, innerProduct, cosine, l1",
    );
    const before = sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'half_idx'");
    expect((await stack.tryUp()).code).not.toBe(0);
    expect(sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'half_idx'")).toBe(before);
    change("rag.half_idx", { distance: "cosine" });
    await quiet();
  });

  it("that are there already are taken up, and what only has the name is left alone", async () => {
    stack.configure(({ databases }) => {
      const declared = databases?.app?.vectors?.indexes as Record<string, object>;
      delete declared["rag.Wide_idx"];
      // Another name: the new one is built before the old one goes, which queries prefer until then.
      delete declared["rag.halves_idx"];
      declared["rag.renamed_idx"] = indexes["rag.halves_idx"];
    });
    await stack.up();
    expect(sql("SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'rag.halves .*hnsw'")).toBe("1");
    sql(`CREATE INDEX "Wide_idx" ON rag.wide USING hnsw (embedding extensions.vector_cosine_ops)`);
    sql("CREATE UNIQUE INDEX taken_idx ON rag.wide (id)");
    const oid = sql(`SELECT 'rag."Wide_idx"'::regclass::oid`);
    const taken = (config: object) =>
      stack.configure(({ databases }) => Object.assign(databases?.app?.vectors?.indexes as object, config));
    taken({ "rag.Wide_idx": indexes["rag.Wide_idx"], "rag.taken_idx": { ...index("wide"), distance: "l2" } });
    const { text } = await stack.tryUp();
    expect(text).toContain(
      "rag.taken_idx: the index of this name is not a vector index but btree; choose another name, or drop the other relation",
    );
    expect(sql("SELECT indexdef FROM pg_indexes WHERE indexname = 'taken_idx'")).toContain("UNIQUE INDEX");
    expect(sql(`SELECT 'rag."Wide_idx"'::regclass::oid`)).toBe(oid);
    stack.configure(({ databases }) => delete databases?.app?.vectors?.indexes["rag.taken_idx"]);
    await stack.up();
    await quiet();
  });
});
