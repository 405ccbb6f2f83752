import { describe, expect, it } from "vitest";
import { wantedVectorIndex } from "../../../components/vectors";
import { vectorIndexSchema } from "../../../config/vectors";
import {
  definitionOf,
  describeConflict,
  type Column,
  type Condition,
  type FoundIndex,
} from "../../../provider/kinds/vector-index/catalog";
import { isOlder } from "../../../provider/kinds/vector-index/build";
import type { Definition } from "../../../provider/kinds/vector-index/inputs";
import { indexBody, nameWhileBuilt, partName, whyNot } from "../../../provider/kinds/vector-index/statements";
import { describeBuild, warningsOf } from "../../../provider/kinds/vector-index/report";

const column: Column = {
  type: "vector",
  known: true,
  dimensions: 1536,
  version: "0.8.5",
  extension: "extensions",
  partitioned: false,
  rows: 1_000_000,
  memory: 8 * 2 ** 30,
};
const wanted = (config: object): Definition =>
  wantedVectorIndex(
    "app",
    "rag.idx",
    vectorIndexSchema.parse({ table: "rag.chunks", column: "embedding", distance: "cosine", ...config }),
    { schedule: "40 3 * * *" },
  ).definition;

describe("the statement of a vector index", () => {
  it.each<[object, string]>([
    [{}, "USING hnsw (embedding extensions.vector_cosine_ops) WITH (m = 16, ef_construction = 64)"],
    [
      { distance: "innerProduct", hnsw: { m: 32, efConstruction: 128 } },
      "USING hnsw (embedding extensions.vector_ip_ops) WITH (m = 32, ef_construction = 128)",
    ],
    [
      { ivfflat: { lists: 1000 }, column: "Embedding", where: "language = 'en'" },
      `USING ivfflat ("Embedding" extensions.vector_cosine_ops) WITH (lists = 1000) WHERE (language = 'en')`,
    ],
    [
      { precision: "half" },
      "USING hnsw ((embedding::extensions.halfvec(1536)) extensions.halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)",
    ],
    [
      { precision: "binary" },
      "USING hnsw ((extensions.binary_quantize(embedding)::bit(1536)) extensions.bit_hamming_ops) WITH (m = 16, ef_construction = 64)",
    ],
  ])("of %j", (config, body) => expect(indexBody(wanted(config), column)).toBe(body));

  it("has a name while it is built that fits, whatever letters it is of", () => {
    const { name } = nameWhileBuilt({ schema: "rag", name: "é".repeat(31) });
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(name).toMatch(/_pgwright_new$/);
    const long = (end: string) => nameWhileBuilt({ schema: "rag", name: "i".repeat(60) + end }).name;
    expect(long("a")).not.toBe(long("b"));
  });

  it("has another name for each partition, each index and each definition", () => {
    const part = (partition: string, index: string, body: string) =>
      partName({ schema: "rag", name: partition }, { schema: "rag", name: index }, body).name;
    const names = [part("a", "i", "x"), part("b", "i", "x"), part("a", "j", "x"), part("a", "i", "y")];
    expect(new Set(names).size).toBe(4);
    expect(part("p".repeat(60) + "a", "i", "x")).not.toBe(part("p".repeat(60) + "b", "i", "x"));
    expect(part("a", "i", "x")).toBe(names[0]);
  });
});

describe("a column that no index can be made of", () => {
  it.each<[object, Partial<Column>, string]>([
    [{}, { type: null }, "rag.chunks.embedding: the column does not exist"],
    [{}, { version: null }, "the extension vector is not installed"],
    [{}, { type: "text", known: true }, "rag.chunks.embedding is of type text; allowed are vector(n)"],
    [{}, { dimensions: -1 }, "has no number of dimensions, and an index needs one; change its type to vector(n)"],
    [{}, { dimensions: 3072 }, "has 3072 dimensions, and an index of vector takes 2000 at most; precision half"],
    [{ precision: "half" }, { dimensions: 4001 }, "an index of halfvec takes 4000 at most"],
    [{ precision: "half" }, { type: "halfvec" }, "precision half needs a column of type vector"],
    [{ precision: "binary" }, { dimensions: 64_001 }, "an index of bit takes 64000 at most"],
    [{ distance: "hamming" }, {}, "a vector has no distance hamming; allowed are l2, innerProduct, cosine, l1"],
    [{ distance: "l1", ivfflat: { lists: 10 } }, {}, "ivfflat has no index of vector by distance l1"],
    [{ distance: "l2", ivfflat: { lists: 10 } }, { type: "sparsevec" }, "ivfflat has no index of sparsevec"],
  ])("%j, %j", (config, more, reason) => expect(whyNot(wanted(config), { ...column, ...more })).toContain(reason));

  it("is none of these", () => {
    expect(whyNot(wanted({ precision: "half" }), { ...column, dimensions: 3072 })).toBeUndefined();
    expect(whyNot(wanted({}), { ...column, type: "sparsevec", dimensions: 30_522 })).toBeUndefined();
    expect(whyNot(wanted({ distance: "jaccard" }), { ...column, type: "bit", dimensions: 512 })).toBeUndefined();
  });
});

describe("an index of the catalog", () => {
  const found: FoundIndex = {
    oid: 1,
    tableSchema: "rag",
    tableName: "chunks",
    ofConstraint: false,
    method: "hnsw",
    options: [],
    indexed: "embedding",
    opclass: "vector_cosine_ops",
    columns: 1,
    condition: null,
    valid: true,
    partitioned: false,
  };
  it.each<[object, Partial<FoundIndex>, Condition | undefined]>([
    [{}, {}, undefined],
    [{ column: "Wide Name" }, { indexed: '"Wide Name"' }, undefined],
    [{ hnsw: { m: 8, efConstruction: 32 } }, { options: ["m=8", "ef_construction=32"] }, undefined],
    [
      { precision: "half" },
      { indexed: "((embedding)::extensions.halfvec(1536))", opclass: "halfvec_cosine_ops" },
      undefined,
    ],
    [
      { precision: "binary" },
      { indexed: "((extensions.binary_quantize(embedding))::bit(1536))", opclass: "bit_hamming_ops" },
      undefined,
    ],
    [{ where: "a = 'x'" }, { condition: "(a = 'x'::text)" }, { written: "a = 'x'", spelled: "(a = 'x'::text)" }],
    [{ where: "true" }, {}, { written: "true", spelled: null }],
    [{ ivfflat: { lists: 7 } }, { method: "ivfflat", options: ["lists=7"] }, undefined],
  ])("is as %j", (config, more, condition) =>
    expect(definitionOf({ ...found, ...more }, wanted(config), condition)).toEqual(wanted(config)),
  );

  it("is somebody else's if it is of another kind, of another table, or of a constraint", () => {
    const other = (more: Partial<FoundIndex>) => describeConflict({ ...found, ...more }, ["rag.chunks", "rag.former"]);
    expect(other({})).toBeUndefined();
    expect(other({ tableName: "former" })).toBeUndefined();
    expect(other({ tableName: "others" })).toBe("the index of this name belongs to table rag.others");
    expect(other({ method: "btree" })).toBe("the index of this name is not a vector index but btree");
    expect(other({ method: null })).toBe("another relation has this name");
    expect(other({ ofConstraint: true })).toBe("the index of this name belongs to a constraint");
  });

  it.each<[Partial<FoundIndex>, Partial<Definition>]>([
    [{ options: ["m=8"] }, { hnsw: { m: 8, efConstruction: 64 } }],
    [{ opclass: "vector_l2_ops" }, { distance: "l2" }],
    [{ opclass: "odd_ops" }, { distance: "odd_ops" }],
    [{ condition: "(a > 1)" }, { where: "(a > 1)" }],
    [{ indexed: "(lower(name))" }, { column: "(lower(name))", precision: "other" }],
    [{ tableName: "values" }, { table: "rag.values" }],
    [{ columns: 2 }, { column: "embedding and others" }],
  ])("differs: %j", (more, differs) =>
    expect(definitionOf({ ...found, ...more }, wanted({}), undefined)).toEqual({ ...wanted({}), ...differs }),
  );
});

describe("a build, in words", () => {
  it("says what it takes", () => {
    expect(describeBuild(wanted({}), column)).toBe(
      "builds an hnsw index (m 16, ef_construction 64) of rag.chunks concurrently: about 1,000,000 rows of vector(1536), 7.6 GiB; reads and writes continue",
    );
    expect(describeBuild(wanted({ precision: "half" }), column)).toContain("halfvec(1536), 3.8 GiB");
    expect(describeBuild(wanted({ precision: "binary", where: "true" }), column)).toMatch(
      /rows at most of bit\(1536\), 4\d\d MiB|0\.\d GiB/,
    );
  });

  it("warns of memory, versions and lists", () => {
    const small = { ...column, memory: 2 ** 30 };
    expect(warningsOf(wanted({}), column)).toEqual([]);
    expect(warningsOf(wanted({}), small).join()).toMatch(
      /graph of 6\.\d GiB does not fit into maintenance_work_mem of 1\.0 GiB.*precision half/,
    );
    expect(warningsOf(wanted({}), { ...column, version: "0.8.0" }).join()).toMatch(
      /pgvector 0.8.0: before 0.8.4.*so one process builds the index/,
    );
    expect(warningsOf(wanted({}), { ...column, version: "0.8.3" }).join()).not.toContain(
      "so one process builds the index",
    );
    const lists = (count: number, rows: number) =>
      warningsOf(wanted({ ivfflat: { lists: count } }), { ...column, rows }).join();
    expect(lists(1000, 1_000_000)).toBe("");
    expect(lists(100, 1_000_000)).toContain("100 lists for 1,000,000 rows; pgvector recommends 1000");
    expect(lists(1000, 500)).toContain("500 rows are too few for 1000 lists");
  });

  it("compares versions by their numbers", () => {
    expect(isOlder("0.8.10", "0.8.4")).toBe(false);
    expect(isOlder("0.8", "0.8.1")).toBe(true);
    expect(isOlder("1.0.0", "0.8.4")).toBe(false);
  });
});
