import { canonicalValue, findParameter, shownOtherwise } from "../../tuning/catalogue";
import { formatQuantity } from "../../tuning/units";

/** Values of parameters, by name. */
export type Parameters = Record<string, string>;

/** True if both texts mean the same to PostgreSQL: "1GB" and "1024MB" do. */
export function sameValue(name: string, a: string, b: string): boolean {
  if (a === b) return true;
  // Parameters of other extensions, and what somebody wrote by hand, need not be in the catalogue.
  if (!findParameter(name)) return false;
  try {
    return canonicalValue(name, a) === canonicalValue(name, b);
  } catch {
    return false;
  }
}

/** What was found, written as the wanted values are where it means the same, so that it is no difference. */
export function alignValues(actual: Parameters, wanted: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(actual).map(([name, value]) => {
      const want = wanted[name];
      return [name, want !== undefined && sameValue(name, want, value) ? want : value];
    }),
  );
}

/** As alignValues, for what a running server shows: some parameters it shows otherwise than they were set. */
export function alignShown(actual: Parameters, wanted: Parameters): Parameters {
  const shown = Object.entries(wanted).filter(([name, value]) => name in actual && shownOtherwise(name, value));
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

/** A value of pg_settings, which has none, with its unit: "4096" of work_mem is "4MB". */
export function withUnit(name: string, value: string): string {
  const unit = findParameter(name)?.unit;
  return unit && /^[1-9]\d*$/.test(value) ? formatQuantity(Number(value), unit) : value;
}
