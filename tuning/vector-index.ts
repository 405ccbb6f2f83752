// Pure: what a vector index takes, in memory while it is built and on disk.

export const DEFAULT_M = 16;
export const DEFAULT_EF_CONSTRUCTION = 64;

/** Types that an index may hold. */
export type VectorType = "vector" | "halfvec" | "bit" | "sparsevec";

/** Most dimensions that an index takes, by type (of sparsevec: most numbers that are not zero). Source: pgvector's README. */
export const MOST_DIMENSIONS: Record<VectorType, number> = {
  vector: 2000,
  halfvec: 4000,
  bit: 64_000,
  sparsevec: 1000,
};

/** Bytes of one value. Source: pgvector's README. A sparsevec is taken to have as many numbers as an index allows. */
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

/** What of a page holds tuples: without its header and what the index keeps at its end. */
const PAGE = 8192 - 24 - 8;
const LINE_POINTER = 4;
const align = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Edges of a vector: 2 m in the lowest layer, and m in each above, of which there are 1 / (m - 1) on average. */
const edges = (m: number): number => 2 * m + m / (m - 1);

/** Bytes of an HNSW index on disk: an element and its neighbours are two tuples, 6 bytes an edge. Within a tenth for 64 to 2,000 dimensions. */
export function hnswBytes(rows: number, type: VectorType, dimensions: number, m: number): number {
  const element = align(88 + valueBytes(type, dimensions)) + LINE_POINTER;
  const neighbours = align(4 + 6 * edges(m)) + LINE_POINTER;
  const perPage = Math.max(1, Math.floor(PAGE / (element + neighbours)));
  return Math.ceil(rows / perPage) * 8192;
}

/** Bytes of memory of an HNSW graph while it is built: its values, 16 bytes an edge, and what the allocator keeps of each. */
export function graphBytes(rows: number, type: VectorType, dimensions: number, m: number): number {
  return Math.ceil(rows * (align(valueBytes(type, dimensions)) + 16 * edges(m) + 200));
}

/** Bytes of an IVFFlat index on disk: a copy of each value, sorted into lists, of which the last page is half full. */
export function ivfflatBytes(rows: number, type: VectorType, dimensions: number, lists: number): number {
  const entry = align(8 + valueBytes(type, dimensions)) + LINE_POINTER;
  const perPage = Math.max(1, Math.floor(PAGE / entry));
  return (Math.ceil(rows / perPage) + Math.ceil(lists / 2)) * 8192;
}

/** As many lists as pgvector's README advises: rows / 1000, and their root above a million rows. */
export function advisedLists(rows: number): number {
  return Math.max(1, Math.round(rows <= 1_000_000 ? rows / 1000 : Math.sqrt(rows)));
}
