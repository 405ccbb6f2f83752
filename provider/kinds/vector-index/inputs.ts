/** What a vector index holds, and of what. */
export interface Definition {
  /** schema.name, as SQL takes it. */
  table: string;
  column: string;
  distance: string;
  precision: string;
  /** Condition of a partial index. */
  where?: string;
  hnsw?: { m: number; efConstruction: number };
  ivfflat?: { lists: number };
}

export interface RecallInputs {
  atLeast: number;
  neighbours: number;
  queries: number;
  /** Days that a measurement may be old. */
  days?: number;
  /** What queries ask for beside the distance. */
  where?: string;
  /** Table, as SQL takes it, and column that the queries come from; rows of the table itself if absent. */
  from?: { table: string; column: string };
}

export interface VectorIndexInputs {
  database: string;
  schema: string;
  name: string;
  definition: Definition;
  /** hnsw.ef_search or ivfflat.probes; found by measuring if absent and a recall is declared. */
  search?: number;
  /** hnsw.iterative_scan or ivfflat.iterative_scan. */
  iterativeScan?: string;
  recall?: RecallInputs;
  /** Role of the job that measures, if the stack file names one; else it is the owner of the database. */
  measuredBy?: string;
  /** What is not as it should be, in words: nothing should be. */
  problems: string[];
}

export const methodOf = ({ ivfflat }: Definition) => (ivfflat ? "ivfflat" : "hnsw");

/** The parameter that says how far a search goes. */
export const parameterOf = (definition: Definition) => (definition.ivfflat ? "ivfflat.probes" : "hnsw.ef_search");

/** The parameter that says whether a search goes on until enough rows satisfy a query. */
export const scanParameterOf = (definition: Definition) => `${methodOf(definition)}.iterative_scan`;

/** Operator of each distance. */
export const OPERATORS: Record<string, string> = {
  l2: "<->",
  innerProduct: "<#>",
  cosine: "<=>",
  l1: "<+>",
  hamming: "<~>",
  jaccard: "<%>",
};

/** How classes of operators call the distances. */
export const CLASS_WORDS: Record<string, string> = {
  l2: "l2",
  innerProduct: "ip",
  cosine: "cosine",
  l1: "l1",
  hamming: "hamming",
  jaccard: "jaccard",
};
