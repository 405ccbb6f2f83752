import type { Client } from "pg";
import { quoteObjectName, type ObjectName } from "../../../config/object-name";
import { readSql } from "../../../sql/read";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M, type VectorType } from "../../../tuning/vector-index";
import { CLASS_WORDS, methodOf, OPERATORS, type Definition, type VectorIndexInputs } from "./inputs";

/** An index as the catalog has it. */
export interface FoundIndex {
  table: string;
  method: string;
  options: string[];
  /** What it is on: a column or an expression, as SQL. */
  indexed: string;
  opclass: string;
  columns: number;
  condition: string | null;
  valid: boolean;
  partitioned: boolean;
}

export async function findIndex(client: Client, { schema, name }: ObjectName): Promise<FoundIndex | undefined> {
  return (await client.query<FoundIndex>(readSql("catalog/vector-index.sql"), [schema, name])).rows[0];
}

/** A column that an index can be made of. */
export interface Column {
  type: VectorType | string | null;
  /** One of pgvector's types, or PostgreSQL's bit. */
  known: boolean | null;
  dimensions: number;
  /** Of pgvector, and its schema; null where it is not there. */
  version: string | null;
  extension: string | null;
  partitioned: boolean;
  /** About how many rows. */
  rows: number;
  /** maintenance_work_mem, bytes. */
  memory: number;
}

/** Undefined if the table is not there. */
export async function findColumn(client: Client, { table, column }: Definition): Promise<Column | undefined> {
  return (await client.query<Column>(readSql("catalog/vector-column.sql"), [table, column])).rows[0];
}

/** What the books have of an index. */
export interface Books {
  declared: Record<string, unknown>;
  search: number | null;
  searchOfDatabase: number;
  scanOfDatabase: string | null;
  measuredAt: Date | null;
  recall: number | null;
  measuredWith: number | null;
  queries: number | null;
}

export async function findBooks(client: Client, index: ObjectName): Promise<Books | undefined> {
  const { rows: there } = await client.query("SELECT to_regproc('pgwright.vector_settle') IS NOT NULL AS is");
  if (!there[0].is) return undefined;
  return (await client.query<Books>(readSql("catalog/vector-state.sql"), [quoteObjectName(index)])).rows[0];
}

/** A row of the books, without what was found by measuring. */
export function bookedAs({
  schema,
  name,
  definition,
  iterativeScan,
  recall,
}: VectorIndexInputs): Record<string, unknown> {
  const { table, column, distance, precision, where } = definition;
  return {
    index_name: quoteObjectName({ schema, name }),
    table_name: table,
    column_name: column,
    operator: OPERATORS[distance],
    precision,
    method: methodOf(definition),
    condition: where ?? null,
    queries_table: recall?.from?.table ?? null,
    queries_column: recall?.from?.column ?? null,
    filter: recall?.where ?? null,
    iterative_scan: iterativeScan ?? null,
    neighbours: recall?.neighbours ?? null,
    queries: recall?.queries ?? null,
    at_least: recall?.atLeast ?? null,
  };
}

const unquoted = (text: string) => text.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"');
const NAME = String.raw`("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`;
const SCHEMA = String.raw`(?:(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.)?`;
const HALF = new RegExp(String.raw`^\(*${NAME}\)*::${SCHEMA}halfvec(?:\(\d+\))?\)*$`);
const BINARY = new RegExp(String.raw`^\(*${SCHEMA}binary_quantize\(${NAME}\)\)*::bit\(\d+\)\)*$`);

/** What an index is on: a column, and what of its vectors; an expression of another kind stands for itself. */
function indexedOf(indexed: string): { column: string; precision: string } {
  for (const [precision, pattern] of [
    ["full", new RegExp(`^${NAME}$`)],
    ["half", HALF],
    ["binary", BINARY],
  ] as const) {
    const [, column] = pattern.exec(indexed) ?? [];
    if (column) return { column: unquoted(column), precision };
  }
  return { column: indexed, precision: "other" };
}

/**
 * An index in the words of the stack file. `wanted`: spells what the catalog does not tell in the same way: the condition, where
 * `condition` is what the catalog made of it, and the distance of an index of bits.
 */
export function definitionOf(found: FoundIndex, wanted: Definition, condition: string | undefined): Definition {
  const options = Object.fromEntries(found.options.map((option) => option.split("=") as [string, string]));
  const number = (option: string, otherwise: number) => Number(options[option] ?? otherwise);
  const { column, precision } = indexedOf(found.indexed);
  const [, word] = /_(l2|ip|cosine|l1|hamming|jaccard)_ops$/.exec(found.opclass) ?? [];
  const distance =
    precision === "binary" && found.opclass === "bit_hamming_ops"
      ? wanted.distance
      : (Object.keys(CLASS_WORDS).find((each) => CLASS_WORDS[each] === word) ?? found.opclass);
  const where = found.condition === (condition ?? null) ? wanted.where : (found.condition ?? undefined);
  return {
    table: found.table,
    column: found.columns === 1 ? column : `${column} and others`,
    distance,
    precision,
    ...(where === undefined ? {} : { where }),
    ...(found.method === "hnsw"
      ? { hnsw: { m: number("m", DEFAULT_M), efConstruction: number("ef_construction", DEFAULT_EF_CONSTRUCTION) } }
      : found.method === "ivfflat"
        ? { ivfflat: { lists: number("lists", 100) } }
        : {}),
  };
}
