import type { Client } from "pg";
import { z } from "zod";
import { quoteObjectName, type ObjectName } from "../../../config/object-name";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { hasRoutine } from "../../exists";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M } from "../../../tuning/vector-index";
import { OPERATOR_CLASS_NAMES, methodOf, OPERATORS, type Definition, type VectorIndexInputs } from "./inputs";

/** The relation with the name of an index, from the catalog. */
export type FoundIndex = RowOf<typeof VECTOR_INDEX>;
export const VECTOR_INDEX = catalogQuery("vector-index", {
  oid: z.number(),
  /** null: not an index, nor are the others that can be null, but for the condition. */
  tableSchema: z.string().nullable(),
  tableName: z.string().nullable(),
  method: z.string().nullable(),
  options: z.array(z.string()),
  /** Its first column or expression, as SQL. */
  indexed: z.string().nullable(),
  opclass: z.string().nullable(),
  columns: z.number().nullable(),
  condition: z.string().nullable(),
  valid: z.boolean().nullable(),
  partitioned: z.boolean(),
  ofConstraint: z.boolean(),
});

export async function findIndex(client: Client, { schema, name }: ObjectName): Promise<FoundIndex | undefined> {
  const [found] = await readRows(client, VECTOR_INDEX, schema, name);
  if (!found?.condition || !(await hasLibrary(client))) return found;
  // The spelling of a condition depends on the session; the library's function always spells it the same.
  const sql = "SELECT pgwright.vector_condition($1) AS condition";
  const [spelled] = await rowsOf(client, { condition: z.string().nullable() }, sql, [found.oid]);
  return { ...found, condition: spelled?.condition ?? null };
}

/** The table of an index, quoted for SQL. */
export const tableOf = ({ tableSchema, tableName }: FoundIndex): string =>
  quoteObjectName({ schema: tableSchema ?? "", name: tableName ?? "" });

/** Why the relation of an index's name is not managed by pgwright; undefined if it is. `tables`: tables that the index may belong to. */
export function describeConflict(found: FoundIndex, tables: string[]): string | undefined {
  if (found.method === null) return "another relation has this name";
  if (found.method !== "hnsw" && found.method !== "ivfflat")
    return `the index of this name is not a vector index but ${found.method}`;
  if (found.ofConstraint) return "the index of this name belongs to a constraint";
  return tables.includes(tableOf(found)) ? undefined : `the index of this name belongs to table ${tableOf(found)}`;
}

/** The column of an index. */
export type Column = RowOf<typeof VECTOR_COLUMN>;
export const VECTOR_COLUMN = catalogQuery("vector-column", {
  /** A VectorType or another one; null if the column does not exist. */
  type: z.string().nullable(),
  /** One of pgvector's types, or PostgreSQL's bit. */
  known: z.boolean().nullable(),
  dimensions: z.number(),
  /** Version of pgvector, and its schema; null if the extension is not installed. */
  version: z.string().nullable(),
  extension: z.string().nullable(),
  partitioned: z.boolean(),
  /** Estimated number of rows. */
  rows: z.number(),
  /** maintenance_work_mem, bytes. */
  memory: z.number(),
});

/** Undefined if the table does not exist. */
export async function findColumn(client: Client, { table, column }: Definition): Promise<Column | undefined> {
  return (await readRows(client, VECTOR_COLUMN, table, column))[0];
}

/** The row of pgwright.vector_indexes with its last measurement. */
export type IndexRecord = RowOf<typeof VECTOR_STATE>;
export const VECTOR_STATE = catalogQuery("vector-state", {
  declared: z.looseObject({ condition: z.string().nullable(), table_name: z.string() }),
  /** The condition as the catalog spells it. */
  spelled: z.string().nullable(),
  search: z.number().nullable(),
  searchOfDatabase: z.number(),
  scanOfDatabase: z.string().nullable(),
  measuredAt: z.date().nullable(),
  recall: z.number().nullable(),
  measuredWith: z.number().nullable(),
  queries: z.number().nullable(),
  /** Queries that the planner answered through this index, not another one of the column. */
  through: z.number().nullable(),
  /** The role that measured, if row security shows it no row. */
  hiddenFrom: z.string().nullable(),
});

const hasLibrary = (client: Client): Promise<boolean> => hasRoutine(client, "pgwright.vector_settle");

export async function findRecord(client: Client, index: ObjectName): Promise<IndexRecord | undefined> {
  if (!(await hasLibrary(client))) return undefined;
  return (await readRows(client, VECTOR_STATE, quoteObjectName(index)))[0];
}

/** A row of pgwright.vector_indexes, without measured values. */
export function toRecord({
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

/** The condition that an index was built with. */
export const conditionOf = (record: IndexRecord | undefined): Condition | undefined =>
  record && { written: record.declared.condition, spelled: record.spelled };

const unquoted = (text: string) => text.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"');
const NAME = String.raw`("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`;
const SCHEMA = String.raw`(?:(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.)?`;
const HALF = new RegExp(String.raw`^\(*${NAME}\)*::${SCHEMA}halfvec(?:\(\d+\))?\)*$`);
const BINARY = new RegExp(String.raw`^\(*${SCHEMA}binary_quantize\(${NAME}\)\)*::bit\(\d+\)\)*$`);

/** Column and precision of an indexed expression; an unknown expression is its own column, with precision `other`. */
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
 * The definition of an index, as the stack file declares it. `wanted` has spellings that the catalog does not keep: the distance of an
 * index of bits, and the condition, if `known` says that the catalog spells it so.
 */
export function definitionOf(found: FoundIndex, wanted: Definition, known?: Condition): Definition {
  const options = Object.fromEntries(found.options.map((option) => option.split("=") as [string, string]));
  const number = (option: string, fallback: number) => Number(options[option] ?? fallback);
  const { column, precision } = indexedOf(found.indexed ?? "");
  const [, className] = /_(l2|ip|cosine|l1|hamming|jaccard)_ops$/.exec(found.opclass ?? "") ?? [];
  const distance =
    precision === "binary" && found.opclass === "bit_hamming_ops"
      ? wanted.distance
      : (Object.keys(OPERATOR_CLASS_NAMES).find((each) => OPERATOR_CLASS_NAMES[each] === className) ??
        found.opclass ??
        "");
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
