import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestStack } from "../stack";
import { embed, loadFilms, loadTestCases, loadUsers } from "./data";
import { PRIVILEGES } from "./privileges";
import { DATABASES, downs, examples, run, runFile, sqlTests } from "./stack-files";

describe("the examples of docs/examples with a schema", () => {
  let stack: TestStack;
  let passwords: Record<string, string>;
  const clients: Client[] = [];
  const jobs = Object.entries(examples().databases ?? {}).flatMap(([database, { jobs: declared = {} }]) =>
    Object.entries(declared).map(([name, { role, command }]) => ({ name, database, role: role ?? "", command })),
  );

  async function as(role: string, database: string): Promise<Client> {
    const client = await stack.connect(role, passwords[role] as string, database);
    clients.push(client);
    return client;
  }

  const leave = () => Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)));

  /** What a query gives, a list of values a row. */
  async function rows(client: Client, text: string, values: unknown[] = []): Promise<unknown[][]> {
    return (await client.query({ text, values, rowMode: "array" })).rows as unknown[][];
  }

  const explain = async (client: Client, text: string, values: unknown[] = []) =>
    (await rows(client, `EXPLAIN ${text}`, values)).flat().join("\n");

  beforeAll(async () => {
    stack = await TestStack.create(examples());
    await stack.up();
    passwords = await stack.output("rolePasswords");
  });
  afterAll(async () => {
    await leave();
    await stack.dispose();
  });

  it.each(sqlTests)("passes $file", ({ database, file }) => {
    const { status, stderr } = runFile(stack, database, file);
    expect(status, stderr).toBe(0);
  });

  it.each(PRIVILEGES)("in %s lets %s %s: %s", (database, role, statement, allowed) => {
    const act = () => stack.sql(database, `BEGIN; SET LOCAL SESSION AUTHORIZATION ${role}; ${statement}; ROLLBACK`);
    if (allowed) expect(act).not.toThrow();
    else expect(act).toThrow(/permission denied/);
  });

  describe("patterns", () => {
    let app: Client;
    beforeAll(async () => {
      app = await as("patterns_app", "patterns");
      await loadUsers(app, 6000, 30_000);
      stack.sql("patterns", "VACUUM ANALYZE");
    });

    it("pages through all users by their last row, reading no more for a page far behind", async () => {
      const seen: string[] = [];
      const page = "SELECT id, created_at::text FROM users_page(500, $1, $2) ORDER BY created_at DESC, id DESC";
      let last: unknown[] = ["ffffffff-ffff-ffff-ffff-ffffffffffff", "infinity"];
      for (;;) {
        const found = await rows(app, page, [last[1], last[0]]);
        if (found.length === 0) break;
        seen.push(...found.map(([id]) => id as string));
        last = found[found.length - 1] as unknown[];
      }
      expect(new Set(seen).size).toBe(6000);
      expect(seen).toEqual((await rows(app, "SELECT id FROM users ORDER BY created_at DESC, id DESC")).flat());

      const middle = (
        await rows(app, "SELECT created_at::text, id FROM users ORDER BY created_at LIMIT 1 OFFSET 300")
      )[0];
      const plan = await explain(app, "(ANALYZE, BUFFERS, TIMING off) SELECT * FROM users_page(20, $1, $2)", middle);
      expect(plan).toMatch(/Index Scan using idx_users_created_at .*rows=20 loops=1/);
      expect(plan).not.toMatch(/Sort|Seq Scan/);
      // row_number() reads all users that come before the page.
      const numbered = await explain(
        app,
        `(ANALYZE, TIMING off) SELECT * FROM (SELECT u.*, row_number() OVER (ORDER BY created_at DESC, id DESC) AS n FROM users AS u) AS r
         WHERE n > 5680 LIMIT 20`,
      );
      expect(numbered).toMatch(/actual rows=5700|actual rows=6000/);
    });

    it("finds users by misspelt names and by words of their profile, through both indexes", async () => {
      const [best] = await rows(app, "SELECT username, display_name, username_sim FROM search_users('katerine_hoper')");
      expect(best?.[0]).toMatch(/^katherine_hopper_/);
      expect(Number(best?.[2])).toBeGreaterThan(0.4);
      const beekeepers = await rows(app, "SELECT search_rank FROM search_users('keep bee Oslo', 1000)");
      expect(beekeepers.length).toBeGreaterThan(50);
      expect(await rows(app, "SELECT count(*) FROM user_profiles WHERE bio LIKE '%Oslo%keeps bees%'")).toEqual([
        [String(beekeepers.length)],
      ]);
      const plan = await explain(app, "SELECT * FROM search_users('katerine_hoper')");
      expect(plan).toMatch(/Bitmap Index Scan on idx_users_username_trgm/);
      expect(plan).toMatch(/Bitmap Index Scan on idx_user_profiles_search/);
      expect(
        await explain(app, `SELECT * FROM user_profiles WHERE preferences @> '{"mail": {"weekly": true}}'`),
      ).toMatch(/idx_user_profiles_preferences/);
    });

    it("tells new users by month", async () => {
      const months = await rows(
        app,
        "SELECT new_users, cumulative_users, month_over_month_change FROM monthly_signups()",
      );
      expect(months).toHaveLength(12);
      expect(months[0]?.[2]).toBeNull();
      expect(months[11]?.[1]).toBe("6000");
      for (let i = 1; i < 12; i += 1) {
        const [added, all, change] = (months[i] as string[]).map(Number) as [number, number, number];
        expect([all - Number(months[i - 1]?.[1]), added - Number(months[i - 1]?.[0])]).toEqual([added, change]);
      }
    });

    it("has a partition a month, and reads those that a query asks for", async () => {
      const used = "SELECT count(DISTINCT tableoid) FROM events WHERE created_at < now()";
      expect(Number((await rows(app, used))[0]?.[0])).toBeGreaterThanOrEqual(5);
      const [[ahead, overdue]] = (await rows(
        await as("patterns_analyst", "patterns"),
        `SELECT count(*) FILTER (WHERE to_regclass('patterns.events_' || to_char(now() AT TIME ZONE 'UTC' + n * interval '1 month', '"y"YYYY"m"MM')) IS NULL),
           count(*) FROM generate_series(0, 3) AS n`,
      )) as [[string, string]];
      expect([ahead, overdue]).toEqual(["0", "4"]);
      const plan = await explain(
        app,
        "SELECT count(*) FROM events WHERE created_at >= now() - interval '1 day' AND created_at < now()",
      );
      expect(plan).toMatch(/Subplans Removed: 1\d/);
      expect(stack.sql("patterns", "SELECT count(*) FROM pgwright.partition_health WHERE overdue")).toBe("0");
    });

    it("computes figures of users anew while somebody reads them", async () => {
      const reader = await as("patterns_analyst", "patterns");
      await reader.query("BEGIN");
      expect(await rows(reader, "SELECT sum(event_count) FROM user_stats")).toEqual([[null]]);
      const refresh =
        "SET SESSION AUTHORIZATION patterns_keeper; SET statement_timeout = '20s'; SELECT patterns.refresh_user_stats()";
      stack.sql("patterns", refresh);
      expect(await rows(reader, "SELECT sum(event_count), sum(login_count) FROM user_stats")).toEqual([
        ["30000", "3750"],
      ]);
      await reader.query("COMMIT");
      const plan = await explain(reader, "SELECT * FROM user_stats ORDER BY event_count DESC LIMIT 5");
      expect(plan).toMatch(/idx_user_stats_event_count/);
    });
  });

  describe("qbench", () => {
    let app: Client;
    let monitor: Client;
    beforeAll(async () => {
      await loadTestCases(await as("qbench_importer", "mlb_qbench"), 2400, 30);
      stack.sql("mlb_qbench", "ANALYZE");
      app = await as("qbench_app", "mlb_qbench");
      monitor = await as("qbench_monitor", "mlb_qbench");
    });

    it("finds test cases by meaning through the vector index, as an exact search does", async () => {
      const asked = embed("the box score on a small screen, opening day, android");
      expect(await explain(app, "SELECT * FROM search_documents($1, 10)", [asked])).toMatch(
        /Index Scan using idx_test_documents_embedding/,
      );
      // Many are equally far, so distances are compared, and not who is among the ten.
      const found = (await rows(app, "SELECT distance FROM search_documents($1, 10)", [asked])).flat() as number[];
      const exact = await rows(
        app,
        "SELECT embedding <=> $1 AS d FROM test_documents WHERE embedding IS NOT NULL ORDER BY (embedding <=> $1) + 0 LIMIT 10",
        [asked],
      );
      const tenth = exact[9]?.[0] as number;
      expect(found.filter((distance) => distance <= tenth + 1e-6).length).toBeGreaterThanOrEqual(9);
      expect(await explain(app, "SELECT * FROM search_steps($1)", [asked])).toMatch(
        /Index Scan using idx_test_steps_embedding/,
      );
      expect(await rows(app, "SELECT DISTINCT document_id FROM search_steps($1, 10)", [asked])).toHaveLength(10);
    });

    it("goes on in the index until enough test cases meet the conditions", async () => {
      const asked = embed("pitch tracker and a lost connection");
      const filtered =
        "SELECT * FROM search_documents($1, 10, p_metadata => '{\"season\": 2021}', p_platforms => '{ios}')";
      await app.query("BEGIN; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off");
      expect(await explain(app, filtered, [asked])).toMatch(/idx_test_documents_embedding/);
      expect(await rows(app, filtered, [asked])).toHaveLength(10);
      await app.query("ROLLBACK");
    });

    it("fuses both searches", async () => {
      const asked = embed("MLB-77 standings");
      const plan = await explain(app, "SELECT * FROM search_hybrid('wallet postponed', $1)", [asked]);
      expect(plan).toMatch(/idx_test_documents_embedding/);
      expect(plan).toMatch(/idx_test_documents_search/);
      const [first] = await rows(app, "SELECT test_key FROM search_hybrid('MLB-77', $1)", [asked]);
      expect(first).toEqual(["MLB-77"]);
      const both = embed("ticket wallet for a postponed game");
      const [best] = await rows(
        app,
        "SELECT title, vector_rank, text_rank FROM search_hybrid('wallet postponed', $1)",
        [both],
      );
      expect(best?.[0]).toMatch(/^Ticket wallet .* for a postponed game/);
      expect(best?.slice(1)).not.toContain(null);
    });

    it("shows its maintenance what it looks at", async () => {
      await monitor.query("SELECT pg_stat_clear_snapshot()");
      expect(await rows(monitor, "SELECT * FROM missing_embeddings ORDER BY 1")).toEqual([
        ["test_documents", "2400", "30"],
        ["test_steps", "2400", "30"],
      ]);
      const indexes = await rows(
        monitor,
        "SELECT relname, method, valid, bytes > 1000000 FROM index_usage WHERE indexrelname LIKE '%_embedding' ORDER BY 1",
      );
      expect(indexes).toEqual([
        ["test_documents", "hnsw", true, true],
        ["test_steps", "hnsw", true, true],
      ]);
      const [slowest] = await rows(
        monitor,
        "SELECT calls, mean_ms, query FROM slow_embedding_queries WHERE query LIKE '%search_documents(%' LIMIT 1",
      );
      expect(Number(slowest?.[0])).toBeGreaterThan(0);
      const [steps] = await rows(
        monitor,
        "SELECT toast_bytes > 4 * 1000 * 1000, total_bytes > toast_bytes + index_bytes FROM table_sizes WHERE relname = 'test_steps'",
      );
      expect(steps).toEqual([true, true]);
      expect(await rows(monitor, "SELECT state FROM connections WHERE state IN ('active', 'idle') ORDER BY 1")).toEqual(
        [["active"], ["idle"]],
      );
      expect(await rows(monitor, "SELECT alarm FROM alarms(p_missing_percent => 5)")).toEqual([]);
      expect((await rows(monitor, "SELECT alarm, detail FROM alarms(p_missing_percent => 1) ORDER BY 2"))[0]).toEqual([
        "missing embeddings",
        "30 of 2400 rows of test_documents",
      ]);
    });

    it("ends sessions that hold a transaction open and do nothing, and no others", async () => {
      const [idle, busy] = [await as("qbench_importer", "mlb_qbench"), await as("qbench_importer", "mlb_qbench")];
      await idle.query("BEGIN");
      await idle.query("INSERT INTO test_documents (test_key, title) VALUES ('LOST-1', 'never committed')");
      const ended = (age: string) =>
        stack.sql(
          "mlb_qbench",
          `SET SESSION AUTHORIZATION qbench_keeper; SELECT usename FROM maintenance.end_idle_transactions('${age}')`,
        );
      expect(ended("1 hour")).toBe("");
      expect(ended("0")).toBe("qbench_importer");
      await expect(idle.query("SELECT 1")).rejects.toThrow(/terminat/i);
      expect(await rows(busy, "SELECT count(*) FROM test_documents WHERE test_key = 'LOST-1'")).toEqual([["0"]]);
    });
  });

  describe("apex", () => {
    let app: Client;
    let titles: string[];
    beforeAll(async () => {
      app = await as("apex_app", "apex_memory");
      titles = await loadFilms(app);
      stack.sql("apex_memory", "ANALYZE");
    });

    it("finds documents by meaning, by conditions and by words", async () => {
      const asked = embed("a comedy by Woody Allen");
      expect(await explain(app, "SELECT * FROM search_documents($1)", [asked])).toMatch(
        /Index Scan using idx_documents_embedding/,
      );
      const found = await rows(app, "SELECT id, similarity FROM search_documents($1, 10, 'Comedy')", [asked]);
      expect(found).toHaveLength(10);
      const authors = await rows(app, "SELECT author FROM search_documents_meta($1, 3, 'Comedy')", [asked]);
      expect(authors.flat()).toContain("Woody Allen");
      const [best] = await rows(app, "SELECT title, vector_rank, text_rank FROM search_chunks($1, $2, 5)", [
        `"${titles[500]}"`,
        embed(titles[500] as string),
      ]);
      expect(best?.[0]).toBe(titles[500]);
      expect(await explain(app, "SELECT * FROM search_chunks('allen', $1)", [asked])).toMatch(/idx_chunks_search/);
      expect(await rows(app, "SELECT sum(chunk_count), count(*) FROM document_stats")).toEqual([
        [String(titles.length), String(titles.length)],
      ]);
    });

    it("brings entities into all stores, with workers that get in each other's way", async () => {
      const workers = await Promise.all([1, 2, 3, 4].map(() => as("apex_app", "apex_memory")));
      const keys = Array.from({ length: 20 }, (_, n) => `order ${n}`);
      // Each key twice at the same time, as from a client that has lost the answer.
      const ingest = (client: Client, key: string) => rows(client, "SELECT ingest_entity($1, $1, 'Order')", [key]);
      const [one, two] = workers as [Client, Client];
      for (const key of keys) {
        const [first, again] = await Promise.all([ingest(one, key), ingest(two, key)]);
        expect(first).toEqual(again);
      }
      const claimed: unknown[] = [];
      await Promise.all(
        workers.map(async (worker, i) => {
          for (;;) {
            const steps = await rows(worker, "SELECT step_id, attempt FROM claim_saga_steps($1, 3)", [
              i % 2 ? "neo4j" : "qdrant",
            ]);
            if (steps.length === 0) return;
            for (const [id, attempt] of steps) {
              claimed.push(id);
              const done = "SELECT finish_saga_step($1, $2, gen_random_uuid()::text)";
              expect(await rows(worker, done, [id, attempt])).toEqual([[true]]);
            }
          }
        }),
      );
      expect(claimed).toHaveLength(40);
      expect(new Set(claimed).size).toBe(40);
      const ended = `SELECT g.state, e.state, count(*) FROM sagas AS g JOIN entities AS e ON e.id = g.entity_id
        JOIN entity_id_mapping AS m ON m.internal_id = e.id AND m.neo4j_uuid IS NOT NULL AND m.qdrant_point_id IS NOT NULL
        WHERE g.idempotency_key LIKE 'order %' GROUP BY 1, 2`;
      expect(await rows(one, ended)).toEqual([["done", "active", "20"]]);
    });

    it("joins the views that another database has counted, sending sum and condition there", async () => {
      const [[popular]] = (await rows(app, "SELECT id FROM documents WHERE title = $1", [titles[7]])) as [[string]];
      await (
        await as("apex_counter", "apex_analytics")
      ).query(
        "INSERT INTO document_views SELECT $1, current_date - n, 10 FROM generate_series(0, 9) AS n UNION ALL SELECT gen_random_uuid(), current_date, 900",
        [popular],
      );
      const report = await as("apex_report", "apex_memory");
      const query = "SELECT title, view_count FROM popular_documents(current_date - 4)";
      await expect(report.query(query)).rejects.toThrow(/user mapping not found/);
      // pg_stat_statements would keep the password.
      const mapping = `SET pg_stat_statements.track_utility = off;
        CREATE USER MAPPING FOR apex_report SERVER analytics OPTIONS (user 'apex_report', password :'password');`;
      const made = run(stack, "apex_memory", `\\set password ${passwords["apex_report"]}\n${mapping}`);
      expect(made.status, made.stderr).toBe(0);
      expect(await rows(report, query)).toEqual([[titles[7], "50"]]);
      const sent = "SELECT query FROM extensions.pg_stat_statements WHERE query LIKE 'DECLARE%sum(view_count)%'";
      expect(stack.sql("apex_memory", sent)).toMatch(/WHERE \(\(day >= .*GROUP BY 1/);
      await expect(report.query("DELETE FROM analytics.document_views")).rejects.toThrow(
        /permission denied|does not allow/,
      );
      expect(
        stack.sql(
          "apex_memory",
          "SELECT count(*) FROM extensions.pg_stat_statements WHERE query ILIKE '%user mapping%password%'",
        ),
      ).toBe("0");
      stack.sql("apex_memory", "DROP USER MAPPING FOR apex_report SERVER analytics");
    });
  });

  it.each(jobs)("job $name does what it should as $role", ({ database, role, command }) => {
    expect(() => stack.sql(database, `SET SESSION AUTHORIZATION ${role}; ${command}`)).not.toThrow();
  });

  it("is what the stack files say, and goes", async () => {
    await leave();
    const { code, text } = await stack.unchanged();
    expect(text).not.toMatch(/error/i);
    expect(code, text).toBe(0);

    for (const database of Object.keys(DATABASES) as (keyof typeof DATABASES)[]) {
      const undone = run(stack, database, `SET search_path = '';\n${downs(database)}`);
      expect(undone.status, undone.stderr).toBe(0);
      const left = `SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE nspname IN ('patterns', 'qbench', 'maintenance', 'apex', 'analytics')
        UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname IN ('patterns', 'qbench', 'maintenance', 'apex', 'analytics')`;
      expect(stack.sql(database, left)).toBe("");
    }
    const gone = await stack.destroy();
    expect(gone.code, gone.text).toBe(0);
    expect(stack.remains()).toEqual([]);
  });
});
