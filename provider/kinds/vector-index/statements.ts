import { createHash } from "node:crypto";
import { quoteIdentifier, quoteObjectName, type ObjectName } from "../../../config/object-name";
import { MOST_DIMENSIONS, type VectorType } from "../../../tuning/vector-index";
import type { Column } from "./catalog";
import { OPERATOR_CLASS_NAMES, methodOf, type Definition } from "./inputs";

// Pure: the parts of the statements that build a vector index.

/** Distances with an operator class, by method and type. */
const CLASSES: Record<string, Record<string, string[]>> = {
  hnsw: {
    vector: ["l2", "innerProduct", "cosine", "l1"],
    halfvec: ["l2", "innerProduct", "cosine", "l1"],
    sparsevec: ["l2", "innerProduct", "cosine", "l1"],
    bit: ["hamming", "jaccard"],
  },
  ivfflat: {
    vector: ["l2", "innerProduct", "cosine"],
    halfvec: ["l2", "innerProduct", "cosine"],
    bit: ["hamming"],
  },
};

/** The type that the index holds. */
export function indexedType({ type }: Column, precision: string): VectorType {
  if (precision === "half") return "halfvec";
  return precision === "binary" ? "bit" : (type as VectorType);
}

/** Why an index cannot be built on a column; undefined if it can. */
export function whyNot(definition: Definition, column: Column): string | undefined {
  const { table, column: name, precision, distance } = definition;
  const of = `${table}.${name}`;
  if (column.type === null) return `${of}: the column does not exist`;
  if (column.version === null) return "the extension vector is not installed; add it to extensions";
  if (!column.known || !(column.type in MOST_DIMENSIONS))
    return `${of} is of type ${column.type}; allowed are vector(n), halfvec(n), bit(n) and sparsevec(n)`;
  if (column.dimensions < 1)
    return `${of} has no number of dimensions, and an index needs one; change its type to ${column.type}(n)`;
  if (precision !== "full" && column.type !== "vector")
    return `precision ${precision} needs a column of type vector, and ${of} is of type ${column.type}`;
  const type = indexedType(column, precision);
  const method = methodOf(definition);
  const truth = CLASSES.hnsw?.[column.type] ?? [];
  if (!truth.includes(distance)) return `a ${column.type} has no distance ${distance}; allowed are ${truth.join(", ")}`;
  const distances = CLASSES[method]?.[type] ?? [];
  if (precision !== "binary" && !distances.includes(distance))
    return `${method} has no index of ${type} by distance ${distance}; allowed are ${distances.join(", ") || "none"}`;
  // pgvector limits the elements of a sparsevec that are not zero; their number is not part of its type.
  if (type !== "sparsevec" && column.dimensions > MOST_DIMENSIONS[type]) {
    const smaller = type === "vector" ? "; precision half takes up to 4000, binary up to 64000" : "";
    return `${of} has ${column.dimensions} dimensions, and an index of ${type} takes ${MOST_DIMENSIONS[type]} at most${smaller}`;
  }
  return undefined;
}

/** The text after the name of the table in CREATE INDEX. */
export function indexBody(definition: Definition, column: Column): string {
  const { precision, distance, where, hnsw, ivfflat } = definition;
  const schema = quoteIdentifier(column.extension ?? "public");
  const name = quoteIdentifier(definition.column);
  const { dimensions } = column;
  const type = indexedType(column, precision);
  const indexed = {
    full: name,
    half: `(${name}::${schema}.halfvec(${dimensions}))`,
    binary: `(${schema}.binary_quantize(${name})::bit(${dimensions}))`,
  }[precision];
  const opclass = `${schema}.${type}_${precision === "binary" ? "hamming" : OPERATOR_CLASS_NAMES[distance]}_ops`;
  const options = hnsw ? `m = ${hnsw.m}, ef_construction = ${hnsw.efConstruction}` : `lists = ${ivfflat?.lists}`;
  const condition = where === undefined ? "" : ` WHERE (${where})`;
  return `USING ${methodOf(definition)} (${indexed} ${opclass}) WITH (${options})${condition}`;
}

const LONGEST = 63;

function shortened(name: string, suffix: string): string {
  let start = name;
  while (Buffer.byteLength(start + suffix) > LONGEST) start = [...start].slice(0, -1).join("");
  return start + suffix;
}

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8);

/** The temporary name of an index during its build; unique for each index, also if the name is cut. */
export function nameWhileBuilt({ schema, name }: ObjectName): ObjectName {
  const whole = `${name}_pgwright_new`;
  return {
    schema,
    name: Buffer.byteLength(whole) <= LONGEST ? whole : shortened(name, `_${hashOf(name)}_pgwright_new`),
  };
}

/** The end of the names of all parts of indexes, as a regular expression. */
export const PART = "_pgwright_[0-9a-f]{8}$";

/** The name of a partition's part of an index: always the same, and unique among indexes. */
export function partName(partition: ObjectName, index: ObjectName, body: string): ObjectName {
  const hash = hashOf([partition, index].map(quoteObjectName).join() + body);
  return { schema: partition.schema, name: shortened(partition.name, `_pgwright_${hash}`) };
}
