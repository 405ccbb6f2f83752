import { parseSync } from "libpg-query";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMigration } from "../../provider/kinds/migrations/files/file";
import { blocksIn, Throttle, shareOf, type Part } from "../../provider/kinds/migrations/backfill/throttle";
import { batchStatement, positionIn, type Batch } from "../../provider/kinds/migrations/statements/batches";

const parse = (body: string, options = " transaction:false") =>
  parseMigration("001_x.sql", `-- migrate:up${options}\n${body}`);
const batchOf = async (sql: string) =>
  (await parse(`-- pgwright:batch\n${sql}`)).up.statements[0]?.batch as Batch | undefined;

describe("the directive pgwright:batch", () => {
  it("is read with its options, and leaves the statement as it is", async () => {
    const update = "UPDATE a.t SET x = 1 WHERE x IS NULL";
    const { up } = await parse(
      `-- pgwright:batch\n${update};\n\n-- why\n  --pgwright:batch  pause=2s rows=50\n-- how\n${update};\n${update};`,
    );
    expect(up.statements.map(({ sql }) => sql)).toEqual([update, update, update]);
    expect(up.statements.map(({ batch }) => batch && [batch.rows, batch.pause])).toEqual([
      [10_000, 0],
      [50, 2000],
      undefined,
    ]);
    expect(up.statements.map(({ line }) => line)).toEqual([3, 8, 9]);
    const down = await parseMigration(
      "001_x.sql",
      `-- migrate:up\nSELECT 1;\n-- migrate:down transaction:false\n-- pgwright:batch pause=5ms\n${update};`,
    );
    expect(down.down?.statements[0]?.batch?.pause).toBe(5);
  });

  it("may be commented out", async () => {
    const { up } = await parse("/*\n-- pgwright:batch\n*/ UPDATE a.t SET x = 1;\nSELECT 1 -- see -- pgwright:batch\n;");
    expect(up.statements.every(({ batch }) => batch === undefined)).toBe(true);
  });

  const where = "WHERE x IS NULL";
  it.each([
    [
      "-- pgwright:batch\nSELECT 1;",
      /001_x\.sql:3: pgwright:batch needs an UPDATE or DELETE .*; this statement is neither/,
    ],
    ["-- pgwright:batch\nINSERT INTO a.t SELECT 1;", /this statement is neither/],
    ["-- pgwright:batch\nMERGE INTO a.t USING a.u ON true WHEN MATCHED THEN DELETE;", /this statement is neither/],
    ["-- pgwright:batch\nUPDATE a.t SET x = 1;", /with a WHERE; add a condition/],
    ["-- pgwright:batch\nDELETE FROM a.t;", /with a WHERE; add a condition/],
    [`-- pgwright:batch\nUPDATE t SET x = 1 ${where};`, /with its schema: schema\.t/],
    [`-- pgwright:batch\nWITH c AS (SELECT 1) UPDATE a.t SET x = 1 ${where};`, /without WITH/],
    [`-- pgwright:batch\nUPDATE a.t SET x = 1 ${where} RETURNING x;`, /without RETURNING/],
    ["-- pgwright:batch\nUPDATE a.t SET x = 1 WHERE CURRENT OF c;", /without CURRENT OF/],
    [`-- pgwright:bach\nUPDATE a.t SET x = 1 ${where};`, /001_x\.sql:2: unknown directive pgwright:bach; write/],
    [`-- pgwright:batch rows=0\nUPDATE a.t SET x = 1 ${where};`, /option "rows=0" .*rows=1 to rows=1000000/],
    [`-- pgwright:batch pause=2m\nUPDATE a.t SET x = 1 ${where};`, /option "pause=2m" .*pause=0ms to pause=60s/],
    [`-- pgwright:batch pause=61s\nUPDATE a.t SET x = 1 ${where};`, /option "pause=61s"/],
    [
      `-- pgwright:batch\n-- pgwright:batch\nUPDATE a.t SET x = 1 ${where};`,
      /001_x\.sql:3: the statement has a second directive/,
    ],
    [`UPDATE a.t\n-- pgwright:batch\nSET x = 1 ${where};`, /001_x\.sql:3: .*; write it on a line of its own before/],
    ["SELECT 1;\n-- pgwright:batch", /001_x\.sql:3: .*; write it on a line of its own before/],
  ])("refuses %j", async (body, problem) => {
    await expect(parse(body)).rejects.toThrow(problem);
  });

  it("refuses to be in a transaction", async () => {
    await expect(parse(`-- pgwright:batch\nUPDATE a.t SET x = 1 ${where};`, "")).rejects.toThrow(
      /001_x\.sql:3: pgwright:batch commits each batch; write transaction:false beside/,
    );
  });
});

/** Statements with more than one WHERE, or words that look like one, with their own condition and the name of their table. */
const ODD: [sql: string, condition: string, alias: string][] = [
  ["UPDATE a.t SET x = 1 WHERE x IS NULL", "x IS NULL", "t"],
  ["update a.t set x = 1 wHeRe(x is null)or y", "(x is null)or y", "t"],
  ['UPDATE ONLY a."T x" SET x = 1 WHERE x IS NULL OR y', "x IS NULL OR y", "T x"],
  ['UPDATE a.t * AS "Ü ""q" SET x = 1 WHERE "Ü ""q".x IS NULL', '"Ü ""q".x IS NULL', 'Ü "q'],
  ['UPDATE "where".t "where" SET "where" = 1 WHERE "where" IS NULL', '"where" IS NULL', "where"],
  ["UPDATE a.t SET x = (SELECT 1 FROM a.u WHERE u.id = t.id) WHERE x IS NULL", "x IS NULL", "t"],
  ["UPDATE a.t SET x = ' WHERE ' || $$ WHERE $$ || $w$ where $w$ WHERE x IS NULL", "x IS NULL", "t"],
  ["UPDATE a.t SET x = 1 /* WHERE /* WHERE */ y */ -- WHERE z\nWHERE x IS NULL", "x IS NULL", "t"],
  ["UPDATE a.t SET x = 1 WHERE x IS NULL -- WHERE is the end", "x IS NULL -- WHERE is the end", "t"],
  [
    "UPDATE a.t SET x = v.y FROM a.u JOIN a.v ON (u.id = v.id AND v.k) WHERE u.id = t.id AND x IS NULL OR true",
    "u.id = t.id AND x IS NULL OR true",
    "t",
  ],
  [
    "UPDATE a.t AS n SET (x, y) = (SELECT max(z) FILTER (WHERE z > 0), 2 FROM a.u WHERE k = n.k) WHERE n.x IS NULL AND EXISTS (SELECT FROM a.v WHERE v.k = n.k)",
    "n.x IS NULL AND EXISTS (SELECT FROM a.v WHERE v.k = n.k)",
    "n",
  ],
  ["DELETE FROM ONLY a.t AS d USING a.u WHERE u.id = d.id AND u.gone", "u.id = d.id AND u.gone", "d"],
  [
    "DELETE FROM a.t WHERE x IN (SELECT y FROM a.u WHERE z) AND (NOT w)",
    "x IN (SELECT y FROM a.u WHERE z) AND (NOT w)",
    "t",
  ],
  ["UPDATE a.t SET x = '😀 é' WHERE y = '😀'", "y = '😀'", "t"],
];

describe("a piece of a statement", () => {
  it.each(ODD)("%s", async (sql, condition, alias) => {
    const batch = (await batchOf(sql)) as Batch;
    expect(batch.condition.trim()).toBe(condition);
    expect(batch.head + sql.slice(batch.head.length, batch.head.length + 5) + batch.condition).toBe(sql);
    expect(batch.alias).toBe(`"${alias.replaceAll('"', '""')}"`);
    expect(batch.only).toBe(sql.includes("ONLY"));
    const piece = batchStatement(batch, 3, 70);
    expect(() => parseSync(piece)).not.toThrow();
    expect(piece).toContain(
      `WHERE ${batch.alias}.ctid >= '(3,0)'::pg_catalog.tid AND ${batch.alias}.ctid < '(70,0)'::pg_catalog.tid AND (${batch.condition}\n)`,
    );
  });

  it("tells places in it as those of the statement", async () => {
    for (const [sql] of ODD) {
      const batch = (await batchOf(sql)) as Batch;
      const piece = batchStatement(batch, 3, 70);
      const all = Array.from(sql);
      // Each character of the statement is found where it was, but for the word WHERE itself.
      const head = Array.from(batch.head).length;
      const inHead = "WITH done AS (".length;
      const condition = Array.from(piece.slice(0, piece.indexOf(`(${batch.condition}`) + 1)).length;
      all.forEach((character, i) => {
        if (i >= head && i < head + 5) return;
        const at = i < head ? inHead + i : condition + i - head - 5;
        expect(Array.from(piece)[at]).toBe(character);
        expect(positionIn(batch, piece, at + 1)).toBe(i + 1);
      });
    }
  });

  it("asks of an UPDATE what still meets the condition, not of a DELETE", async () => {
    expect(batchStatement((await batchOf("UPDATE a.t SET x = 1 WHERE x IS NULL")) as Batch, 0, 1)).toContain(
      "RETURNING ( x IS NULL\n) AS again",
    );
    expect(batchStatement((await batchOf("DELETE FROM a.t WHERE x")) as Batch, 0, 1)).toContain(
      "RETURNING false AS again",
    );
  });
});

describe("the pace of a backfill", () => {
  const table = (blocks: number, density: number | null = 60): Part[] => [{ blocks, density }];

  /** Walks through a table in which a piece takes `cost` milliseconds; the sizes of the pieces. */
  function walk(parts: Part[], cost: (blocks: number, from: number) => number, limit = 10_000, rows = 0): number[] {
    const pace = new Throttle(limit);
    const sizes = [];
    for (let from = 0; from < blocksIn(parts) && sizes.length < 10_000;) {
      const to = pace.end(parts, from);
      sizes.push(to - from);
      pace.recordBatch(to - from, rows * (to - from), cost(to - from, from));
      from = to;
    }
    return sizes;
  }

  it("begins with one block, and grows to the rows that are allowed", () => {
    const sizes = walk(table(5000), (blocks) => blocks);
    expect(sizes.slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(Math.max(...sizes)).toBeGreaterThan(80);
    expect(Math.max(...sizes) * 60).toBeLessThanOrEqual(10_000);
  });

  it("keeps to half a second where rows are slow, and follows when they become fast", () => {
    const sizes = walk(table(3000), (blocks, from) => blocks * (from < 1000 ? 50 : 1));
    expect(Math.max(...sizes.slice(6, 50))).toBeLessThanOrEqual(20);
    expect(Math.max(...sizes.slice(-10))).toBeGreaterThan(80);
    expect(walk(table(20), (blocks) => blocks * 5000).filter((size) => size > 1)).toEqual([2]); // tried once
  });

  it("does not make pieces small where their size does not matter", () => {
    const sizes = walk(table(5000), (blocks) => 2000 + blocks);
    expect(sizes.slice(8, -1).every((size) => size >= 80)).toBe(true);
  });

  it("takes less than allowed of a table that nobody has counted, and where more rows change than counted", () => {
    expect(Math.max(...walk(table(5000, null), (blocks) => blocks)) * 200).toBeLessThanOrEqual(10_000);
    expect(
      walk(table(5000, 1), (blocks) => blocks, 1000, 100)
        .slice(5)
        .every((size) => size <= 20),
    ).toBe(true);
  });

  it("counts the rows of all partitions", () => {
    const parts = [...table(2000), ...Array.from({ length: 100 }, () => ({ blocks: 500, density: 60 }))];
    const sizes = walk(parts, (blocks) => blocks);
    expect(sizes.slice(0, 499)).toEqual(Array(499).fill(1));
    expect(Math.max(...sizes)).toBeGreaterThan(80); // behind the small ones
    expect(shareOf(parts, 500)).toBeCloseTo((101 * 500) / (2000 + 50_000));
    expect([shareOf(parts, 2000), shareOf([], 0)]).toEqual([1, 1]);
  });

  it("goes through each block once, whatever the costs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ blocks: fc.nat(400), density: fc.option(fc.integer({ min: 1, max: 290 })) })),
        fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 20_000 }),
        (parts, costs, limit) => {
          let i = 0;
          const sizes = walk(parts, () => costs[i++ % costs.length] as number, limit);
          expect(sizes.every((size) => Number.isInteger(size) && size >= 1)).toBe(true);
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(blocksIn(parts));
        },
      ),
    );
  });
});
