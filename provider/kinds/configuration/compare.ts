import { findParameter, canonicalValue, isComputedByServer } from "../../../tuning/catalogue";
import { formatQuantity } from "../../../tuning/units";
import type { Parameters } from "./parameters";

/** True if both texts are the same value to PostgreSQL, such as "1GB" and "1024MB". */
export function sameValue(name: string, a: string, b: string): boolean {
  if (a === b) return true;
  // Parameters of other extensions, and ones that were edited into the file, may not be in the catalogue.
  if (!findParameter(name)) return false;
  try {
    return canonicalValue(name, a) === canonicalValue(name, b);
  } catch {
    return false;
  }
}

/** The actual values; one that equals its wanted value is given in the wanted spelling, so that it is no difference. */
export function alignValues(actual: Parameters, wanted: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(actual).map(([name, value]) => {
      const want = wanted[name];
      return [name, want !== undefined && sameValue(name, want, value) ? want : value];
    }),
  );
}

/** As alignValues, for values of a running server, which shows some parameters in another form than they were set. */
export function alignShown(actual: Parameters, wanted: Parameters): Parameters {
  const shown = Object.entries(wanted).filter(([name, value]) => name in actual && isComputedByServer(name, value));
  return { ...alignValues(actual, wanted), ...Object.fromEntries(shown) };
}

/** Names of the parameters that differ, sorted. */
export function changedParameters(old: Parameters, wanted: Parameters): string[] {
  return Object.keys({ ...old, ...wanted })
    .filter((name) => {
      const [a, b] = [old[name], wanted[name]];
      return a === undefined || b === undefined || !sameValue(name, a, b);
    })
    .sort();
}

/** A value of pg_settings with its unit: "4096" of work_mem is "4MB". */
export function withUnit(name: string, value: string): string {
  const unit = findParameter(name)?.unit;
  return unit && /^[1-9]\d*$/.test(value) ? formatQuantity(Number(value), unit) : value;
}
