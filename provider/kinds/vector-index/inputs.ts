import { declare } from "../../declaration";

/** Column, distance, precision and build options of a vector index. */
export interface Definition {
  /** schema.name, quoted for SQL. */
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
  /** Maximum age of a measurement, in days. */
  days?: number;
  /** Condition of the queries that are measured. */
  where?: string;
  /** Table (quoted for SQL) and column of the query vectors; rows of the indexed table if absent. */
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
  /** Role of the job that measures; the owner of the database if absent. */
  measuredBy?: string;
  /** Problems of the index. Declared: empty. */
  problems: string[];
}

export const methodOf = ({ ivfflat }: Definition) => (ivfflat ? "ivfflat" : "hnsw");

/** The parameter that sets how many candidates a search visits. */
export const parameterOf = (definition: Definition) => (definition.ivfflat ? "ivfflat.probes" : "hnsw.ef_search");

/** The parameter that lets a search continue until enough rows meet the conditions. */
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

/** Names of the distances in pgvector's operator classes. */
export const OPERATOR_CLASS_NAMES: Record<string, string> = {
  l2: "l2",
  innerProduct: "ip",
  cosine: "cosine",
  l1: "l1",
  hamming: "hamming",
  jaccard: "jaccard",
};

export type VectorIndexState = VectorIndexInputs;

export const declaration = declare<VectorIndexInputs>()({ type: "VectorIndex", wanted: { problems: () => [] } });
