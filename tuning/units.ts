/**
 * Parses numbers with units as PostgreSQL does in postgresql.conf (parse_int, parse_real and convert_to_base_unit in
 * src/backend/utils/misc/guc.c of PostgreSQL 17).
 */

/** Bytes in a memory unit, the largest first. The names are case-sensitive, as in PostgreSQL: "gb" is not a unit. */
const memory: Record<string, number> = { TB: 1024 ** 4, GB: 1024 ** 3, MB: 1024 ** 2, kB: 1024, B: 1 };
/** Microseconds in a unit of time, the largest first. */
const time: Record<string, number> = { d: 86_400e6, h: 3_600e6, min: 60e6, s: 1e6, ms: 1e3, us: 1 };

interface Base {
  units: Record<string, number>;
  size: number;
}

function baseOf(unit: string): Base {
  // "8kB" is a block: shared_buffers = 16384 means 16384 blocks.
  if (unit === "8kB") return { units: memory, size: 8192 };
  const units = unit in memory ? memory : time;
  const size = units[unit];
  if (size === undefined) throw new Error(`PostgreSQL has no unit "${unit}"`);
  return { units, size };
}

/** The units that a value of a parameter with base unit `unit` can have. */
export function unitsFor(unit: string): string[] {
  return Object.keys(baseOf(unit).units);
}

export type Quantity = { value: number } | { problem: "not a number" | "no unit allowed" | "unknown unit" };

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;
const hexadecimal = /^[+-]?0[xX][0-9a-fA-F]+/;
const octal = /^[+-]?0[0-7]+$/;
const wholeNumber = /^[+-]?\d+$/;

/** `text` in the base unit of the parameter; integers are rounded as PostgreSQL rounds them. */
export function parseQuantity(text: string, type: "integer" | "real", baseUnit: string | undefined): Quantity {
  const trimmed = text.replace(/^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g, "");
  const written = hexadecimal.exec(trimmed)?.[0] ?? decimal.exec(trimmed)?.[0];
  if (written === undefined) return { problem: "not a number" };
  const number = type === "integer" || hexadecimal.test(written) ? integerOrDecimal(written) : Number(written);
  if (!Number.isFinite(number)) return { problem: "not a number" };
  const unit = trimmed.slice(written.length).trimStart();
  if (unit === "") return { value: type === "integer" ? roundHalfEven(number) : number };
  if (baseUnit === undefined) return { problem: /^[A-Za-z]+$/.test(unit) ? "no unit allowed" : "not a number" };
  const { units, size } = baseOf(baseUnit);
  const unitSize = units[unit];
  if (unitSize === undefined) return { problem: /^[A-Za-z]+$/.test(unit) ? "unknown unit" : "not a number" };
  let value = number * (unitSize / size);
  // "30.1GB" is rounded to whole MB: the next smaller unit, if there is one.
  const names = Object.keys(units);
  const smaller = units[names[names.indexOf(unit) + 1] ?? ""];
  if (smaller !== undefined) value = roundHalfEven(value / (smaller / size)) * (smaller / size);
  return { value: type === "integer" ? roundHalfEven(value) : value };
}

/** As C's strtol with base 0: a leading zero means octal, as in file modes. */
function integerOrDecimal(written: string): number {
  const negative = written.startsWith("-");
  const digits = written.replace(/^[+-]/, "");
  if (/^0[xX]/.test(digits)) return parseInt(digits, 16) * (negative ? -1 : 1);
  if (octal.test(written)) return parseInt(digits, 8) * (negative ? -1 : 1);
  if (wholeNumber.test(written) && /^0\d/.test(digits)) return NaN; // "08": neither octal nor, to PostgreSQL, decimal
  return Number(written);
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Formats a number of base units with the largest unit that keeps it whole (16 of 8kB is 128kB). */
export function formatQuantity(value: number, baseUnit: string | undefined): string {
  // -1 and 0 mean "automatic" or "off", without a unit.
  if (baseUnit === undefined || value <= 0) return String(value);
  const { units, size } = baseOf(baseUnit);
  const total = value * size;
  const unit = Object.keys(units).find((name) => Number.isInteger(total / units[name]!));
  return unit === undefined ? `${total / size}${baseUnit}` : `${total / units[unit]!}${unit}`;
}

/** Formats kB, the unit in which PGTune calculates, for postgresql.conf: 1048576 is "1GB". */
export function formatKilobytes(kilobytes: number): string {
  if (kilobytes % 1024 ** 2 === 0) return `${kilobytes / 1024 ** 2}GB`;
  if (kilobytes % 1024 === 0) return `${kilobytes / 1024}MB`;
  return `${kilobytes}kB`;
}
