import { z } from "zod";
import { identifier, key, objectName } from "./key";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M } from "../tuning/vector-index";

// Vector indexes in the stack file. What only the server knows, such as the column's type, is checked by the resource.

export const DISTANCES = ["l2", "innerProduct", "cosine", "l1", "hamming", "jaccard"] as const;

const hnswSchema = z
  .strictObject({
    m: z.int().min(2).max(100).default(DEFAULT_M).meta(key("Edges of a vector in each layer of the graph.", 32)),
    efConstruction: z
      .int()
      .min(4)
      .max(1000)
      .default(DEFAULT_EF_CONSTRUCTION)
      .meta(key("Candidates that are looked at for each vector while the graph is built; 2 m at least.", 128)),
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
    "efConstruction has to be 2 m at least: the graph would lack edges",
  );

const ivfflatSchema = z.strictObject({
  lists: z
    .int()
    .min(1)
    .max(32_768)
    .meta(key("Lists that the vectors are sorted into: rows / 1000, or the root of the rows from a million on.", 1000)),
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
  .refine((text) => !/;|--|\/\*/.test(text), 'write one condition, without ";" and comments');

const recallSchema = z.strictObject({
  atLeast: z
    .number()
    .min(0.01)
    .max(1)
    .meta(key("Share of the true nearest neighbours that a search has to find.", 0.95)),
  neighbours: z.int().min(1).max(1000).default(10).meta(key("So many neighbours of each query count.", 20)),
  queries: z
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .meta(key("Queries that are measured; each needs one exact search, which reads the whole table.", 100)),
  where: condition
    .optional()
    .meta(
      key(
        "What queries ask for beside the distance: the share is that of the true neighbours that satisfy it.",
        "language = 'en'",
      ),
    ),
  from: z
    .strictObject({
      table: objectName.meta(key("Table with queries of the application.", "rag.questions")),
      column: identifier.meta(key("Their vectors, of the same type.", "embedding")),
    })
    .optional()
    .meta(
      key("Where the queries come from. Rows of the table itself if absent, which are easier to find than real ones.", {
        table: "rag.questions",
        column: "embedding",
      }),
    ),
});

export const vectorIndexSchema = z
  .strictObject({
    table: objectName.meta(key("Table, by schema.name; the index is in the same schema.", "rag.chunks")),
    column: identifier.meta(key("Column of type vector(n), halfvec(n), bit(n) or sparsevec(n).", "embedding")),
    distance: z.enum(DISTANCES).meta(key("Distance that queries order by: <->, <#>, <=>, <+>, <~> or <%>.", "cosine")),
    precision: z
      .enum(["full", "half", "binary"])
      .default("full")
      .meta(
        key(
          "What the index holds of a vector: all of it, half-precision numbers, or one bit a number (queries order by bits first, and by vectors among those).",
          "half",
        ),
      ),
    where: condition.optional().meta(key("Only rows for which this holds are in the index.", "language = 'en'")),
    hnsw: hnswSchema
      .optional()
      .meta(key("A graph: better recall for the time of a query. This is taken if neither is given.", { m: 32 })),
    ivfflat: ivfflatSchema
      .optional()
      .meta(
        key("Lists around centres: smaller and faster to build, and the rows have to be there first.", { lists: 500 }),
      ),
    iterativeScan: z
      .enum(["off", "relaxed_order", "strict_order"])
      .default("off")
      .meta(
        key(
          "hnsw.iterative_scan or ivfflat.iterative_scan of the database's sessions: a search goes on until enough rows satisfy the query's conditions. ivfflat knows no strict_order.",
          "strict_order",
        ),
      ),
    recall: recallSchema
      .optional()
      .meta(key("What a search has to find. It is measured beside exact searches.", { atLeast: 0.95 })),
  })
  .refine(({ hnsw, ivfflat }) => !(hnsw && ivfflat), "write either hnsw or ivfflat")
  .refine(
    ({ ivfflat, iterativeScan }) => !(ivfflat && iterativeScan === "strict_order"),
    "ivfflat has no iterativeScan strict_order; write relaxed_order",
  )
  .refine(
    ({ precision, ivfflat }) => !(precision === "binary" && ivfflat),
    "bits need hnsw: an index of lists does not say how many rows a search goes through",
  );

export const vectorsSchema = z.strictObject({
  role: identifier
    .optional()
    .meta(
      key("Role that measures: it logs in and may read the tables. The database's owner if absent.", "vector_keeper"),
    ),
  schedule: z
    .string()
    .default("40 3 * * *")
    .meta(key("When the recall of all indexes is measured (UTC).", "40 3 * * 0")),
  indexes: z.record(z.string(), vectorIndexSchema).meta(
    key("Vector indexes, by schema.name.", {
      "rag.chunks_embedding_idx": { table: "rag.chunks", column: "embedding", distance: "cosine" },
    }),
  ),
});

export type VectorsConfig = z.output<typeof vectorsSchema>;
export type VectorIndexConfig = z.output<typeof vectorIndexSchema>;
