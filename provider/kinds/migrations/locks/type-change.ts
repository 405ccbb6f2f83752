import type { Catalog, Column, Type } from "./catalog";

// Pure: whether ALTER COLUMN TYPE rewrites the table. It does not if no stored value changes: the types are binary-coercible, and the
// length or precision only grows (by the support functions of varchar, varbit, numeric and the date/time types).

/** "maybe": the catalog does not determine the answer. */
export type Answer = "yes" | "no" | "maybe";

const OID = { bpchar: 1042, varchar: 1043, bit: 1560, varbit: 1562, numeric: 1700 };
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;
/** timestamp, timestamp with time zone, time, time with time zone. */
const TIMES = [TIMESTAMP, TIMESTAMPTZ, 1083, 1266];
const MICROSECONDS = 6;
const UTC = /^(Etc\/)?(UTC|GMT|UCT|Zulu|Universal|Greenwich|GMT0|GMT[+-]0)$/i;

/** Precision and scale of numeric in a typmod, which has an offset of 4. */
function numeric(typmod: number): { precision: number; scale: number } {
  const packed = typmod - 4;
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 };
}

/** Whether another length or precision of the same type rewrites; -1: without one. */
function rewritesForLength(type: number, from: number, to: number): Answer {
  if (to === -1 || to === from) return "no";
  if (type === OID.varchar || type === OID.varbit) return from >= 0 && to >= from ? "no" : "yes";
  if (type === OID.bpchar || type === OID.bit) return "yes";
  if (TIMES.includes(type)) return to === MICROSECONDS || (from >= 0 && to >= from) ? "no" : "yes";
  if (type !== OID.numeric) return "maybe";
  if (from === -1) return "yes";
  const [old, wanted] = [numeric(from), numeric(to)];
  return wanted.scale === old.scale && wanted.precision >= old.precision ? "no" : "yes";
}

export function rewritesForType(from: Column | undefined, to: Type | undefined, catalog: Catalog): Answer {
  if (!from || !to) return "maybe";
  if (from.type === to.type && from.typmod === to.typmod) return "no";
  if (to.checked) return "yes";
  // PostgreSQL does not use the length of a domain's base type.
  const length = from.type === from.base ? from.typmod : -1;
  if (from.base === to.base && !to.array) return rewritesForLength(to.base, length, to.typmod);
  if (to.array) return "maybe";
  const shifted = [from.base, to.base].every((type) => [TIMESTAMP, TIMESTAMPTZ].includes(type));
  if (shifted && UTC.test(catalog.timeZone)) return to.typmod === -1 || to.typmod === MICROSECONDS ? "no" : "yes";
  if (!catalog.binaryCasts.includes(`${from.base}>${to.base}`)) return "yes";
  return rewritesForLength(to.base, -1, to.typmod);
}
