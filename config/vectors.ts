import { z } from "zod";
import { identifier, key, objectName } from "./key";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M } from "../tuning/vector-index";

// Vector indexes in the stack file. The resource checks what depends on the server, such as the column's type.

export const DISTANCES = ["l2", "innerProduct", "cosine", "l1", "hamming", "jaccard"] as const;

const hnswSchema = z
  .strictObject({
    m: z.int().min(2).max(100).default(DEFAULT_M).meta(key("Edges of a vector in each layer of the graph.", 32)),
    efConstruction: z
      .int()
      .min(4)
      .max(1000)
      .default(DEFAULT_EF_CONSTRUCTION)
      .meta(
        key(
          "Size of the candidate list for each vector while the graph is built (ef_construction); at least 2 m.",
          128,
        ),
      ),
    efSearch: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .meta(
        key(
          "hnsw.ef_search of the database's sessions. If absent and a recall is declared: the smallest value that reaches it.",
          100,
        ),
      ),
  })
  .refine(
    ({ m, efConstruction }) => efConstruction >= 2 * m,
    "efConstruction must be at least 2 m, or the graph lacks edges; raise efConstruction, or lower m",
  );

const ivfflatSchema = z.strictObject({
  lists: z
    .int()
    .min(1)
    .max(32_768)
    .meta(key("Number of lists: rows / 1000, or the square root of the rows from a million on.", 1000)),
  probes: z
    .int()
    .min(1)
    .max(32_768)
    .optional()
    .meta(
      key(
        "ivfflat.probes of the database's sessions. If absent and a recall is declared: the smallest value that reaches it.",
        20,
      ),
    ),
});

const condition = z
  .string()
  .min(1)
  .refine((text) => !/;|--|\/\*/.test(text), 'write one condition without ";" and comments');

const recallSchema = z.strictObject({
  atLeast: z.number().min(0.01).max(1).meta(key("Share of the true nearest neighbours that a search must find.", 0.95)),
  neighbours: z.int().min(1).max(1000).default(10).meta(key("Number of neighbours of each query that count.", 20)),
  queries: z
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .meta(key("Number of measured queries; each needs an exact search, which reads the whole table.", 100)),
  where: condition
    .optional()
    .meta(
      key(
        "Condition of the queries beside the distance; only true neighbours that satisfy it count.",
        "language = 'en'",
      ),
    ),
  from: z
    .strictObject({
      table: objectName.meta(key("Table with query vectors of the application.", "rag.questions")),
      column: identifier.meta(key("Column of the query vectors, of the same type.", "embedding")),
    })
    .optional()
    .meta(
      key("Source of the queries. Rows of the indexed table if absent, which are easier to find than real queries.", {
        table: "rag.questions",
        column: "embedding",
      }),
    ),
});

export const vectorIndexSchema = z
  .strictObject({
    table: objectName.meta(key("Table, by schema.name; the index is in the same schema.", "rag.chunks")),
    column: identifier.meta(key("Column of type vector(n), halfvec(n), bit(n) or sparsevec(n).", "embedding")),
    distance: z.enum(DISTANCES).meta(key("Distance by which queries order: <->, <#>, <=>, <+>, <~> or <%>.", "cosine")),
    precision: z
      .enum(["full", "half", "binary"])
      .default("full")
      .meta(
        key(
          "Precision of the vectors in the index: full, half-precision numbers, or one bit a number (queries order by the bits first, and then by the vectors of these candidates).",
          "half",
        ),
      ),
    where: condition.optional().meta(key("Predicate of a partial index (WHERE).", "language = 'en'")),
    hnsw: hnswSchema
      .optional()
      .meta(key("A graph: better recall at the same query time. The default if neither is given.", { m: 32 })),
    ivfflat: ivfflatSchema
      .optional()
      .meta(
        key("Lists around centres: smaller and faster to build, but the table needs its rows first.", { lists: 500 }),
      ),
    iterativeScan: z
      .enum(["off", "relaxed_order", "strict_order"])
      .default("off")
      .meta(
        key(
          "hnsw.iterative_scan or ivfflat.iterative_scan of the database's sessions: a search continues until enough rows satisfy the query's conditions. ivfflat has no strict_order.",
          "strict_order",
        ),
      ),
    recall: recallSchema
      .optional()
      .meta(key("Recall that a search must reach, measured against exact searches.", { atLeast: 0.95 })),
  })
  .refine(({ hnsw, ivfflat }) => !(hnsw && ivfflat), "write either hnsw or ivfflat")
  .refine(
    ({ ivfflat, iterativeScan }) => !(ivfflat && iterativeScan === "strict_order"),
    "ivfflat has no iterativeScan strict_order; write relaxed_order",
  )
  .refine(
    ({ precision, ivfflat }) => !(precision === "binary" && ivfflat),
    "precision binary needs hnsw: an ivfflat index does not tell how many rows a search visits; write hnsw",
  );

export const vectorsSchema = z.strictObject({
  role: identifier
    .optional()
    .meta(
      key(
        "Role that measures the recall: it needs login, and SELECT on the tables. The database's owner if absent.",
        "vector_keeper",
      ),
    ),
  schedule: z
    .string()
    .default("40 3 * * *")
    .meta(key("When a job measures the recall of all indexes (UTC).", "40 3 * * 0")),
  indexes: z.record(z.string(), vectorIndexSchema).meta(
    key("Vector indexes, by schema.name.", {
      "rag.chunks_embedding_idx": { table: "rag.chunks", column: "embedding", distance: "cosine" },
    }),
  ),
});

export type VectorsConfig = z.output<typeof vectorsSchema>;
export type VectorIndexConfig = z.output<typeof vectorIndexSchema>;
