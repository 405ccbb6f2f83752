import type { Client } from "pg";
import { quoteObjectName, type ObjectName } from "../../../config/object-name";
import { readSql } from "../../../sql/read";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M, type VectorType } from "../../../tuning/vector-index";
import { CLASS_WORDS, methodOf, OPERATORS, type Definition, type VectorIndexInputs } from "./inputs";

/** What has the name of an index, as the catalog has it. */
export interface FoundIndex {
  oid: number;
  /** null: it is no index. */
  tableSchema: string | null;
  tableName: string | null;
  method: string | null;
  options: string[];
  /** What it is on: a column or an expression, as SQL. */
  indexed: string;
  opclass: string;
  columns: number;
  condition: string | null;
  valid: boolean;
  partitioned: boolean;
  ofConstraint: boolean;
}

export async function findIndex(client: Client, { schema, name }: ObjectName): Promise<FoundIndex | undefined> {
  const { rows } = await client.query<FoundIndex>(readSql("catalog/vector-index.sql"), [schema, name]);
  const [found] = rows;
  if (!found?.condition || !(await hasLibrary(client))) return found;
  // How a condition is spelled depends on the session; by the library it does not.
  const spelled = await client.query<{ condition: string }>("SELECT pgwright.vector_condition($1) AS condition", [
    found.oid,
  ]);
  return { ...found, condition: spelled.rows[0]?.condition ?? null };
}

/** The table of an index, as SQL takes it. */
export const tableOf = ({ tableSchema, tableName }: FoundIndex): string =>
  quoteObjectName({ schema: tableSchema ?? "", name: tableName ?? "" });

/** Why what has the name is none of ours to change; undefined if it is. `tables`: those that the index may be of. */
export function whoseElse(found: FoundIndex, tables: string[]): string | undefined {
  if (found.method === null) return "there is something else of this name";
  if (found.method !== "hnsw" && found.method !== "ivfflat")
    return `an index of this name is no vector index but ${found.method}`;
  if (found.ofConstraint) return "an index of this name belongs to a constraint";
  return tables.includes(tableOf(found)) ? undefined : `an index of this name is one of ${tableOf(found)}`;
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

/** What the record have of an index. */
export interface IndexRecord {
  declared: Record<string, unknown> & { condition: string | null; table_name: string };
  /** The condition as the catalog spells it. */
  spelled: string | null;
  search: number | null;
  searchOfDatabase: number;
  scanOfDatabase: string | null;
  measuredAt: Date | null;
  recall: number | null;
  measuredWith: number | null;
  queries: number | null;
  /** Queries that the index has answered; the planner may have taken another one. */
  through: number | null;
  /** The role that measured, if row security shows it no row. */
  hiddenFrom: string | null;
}

const hasLibrary = async (client: Client): Promise<boolean> =>
  (await client.query("SELECT to_regproc('pgwright.vector_settle') IS NOT NULL AS is")).rows[0].is;

export async function findRecord(client: Client, index: ObjectName): Promise<IndexRecord | undefined> {
  if (!(await hasLibrary(client))) return undefined;
  return (await client.query<IndexRecord>(readSql("catalog/vector-state.sql"), [quoteObjectName(index)])).rows[0];
}

/** A row of the record, without what was found by measuring. */
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
    schema_name: schema,
    relation_name: name,
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
    days: recall?.days ?? null,
  };
}

/** A condition as the stack file writes it, and as the catalog spells it. */
export interface Condition {
  written: string | null;
  spelled: string | null;
}

/** The condition that an index was made with. */
export const conditionOf = (record: IndexRecord | undefined): Condition | undefined =>
  record && { written: record.declared.condition, spelled: record.spelled };

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
 * An index in the words of the stack file. `wanted`: spells what the catalog does not tell in the same way: the distance of an index of
 * bits, and the condition, where `known` says what the catalog made of which.
 */
export function definitionOf(found: FoundIndex, wanted: Definition, known?: Condition): Definition {
  const options = Object.fromEntries(found.options.map((option) => option.split("=") as [string, string]));
  const number = (option: string, otherwise: number) => Number(options[option] ?? otherwise);
  const { column, precision } = indexedOf(found.indexed);
  const [, word] = /_(l2|ip|cosine|l1|hamming|jaccard)_ops$/.exec(found.opclass) ?? [];
  const distance =
    precision === "binary" && found.opclass === "bit_hamming_ops"
      ? wanted.distance
      : (Object.keys(CLASS_WORDS).find((each) => CLASS_WORDS[each] === word) ?? found.opclass);
  const isKnown = known !== undefined && found.condition === known.spelled;
  const where = (isKnown ? known.written : found.condition) ?? undefined;
  return {
    table: tableOf(found),
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
