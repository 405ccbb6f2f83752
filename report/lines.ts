import { UNKNOWN } from "../provider/unknown";
import type { Change } from "./report";
import type { Value } from "./events";

// Pure: changes as lines of a diff.

const LONGEST = 160;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const [first = "", ...more] = text.split("\n");
  return first.length > LONGEST || more.length > 0 ? `${first.slice(0, LONGEST)} ...` : first;
}

function valueLines({ path, before, after }: Value): string[] {
  const line = (sign: string, value: unknown) =>
    value === undefined ? [] : [`${sign}   ${path}: ${value === UNKNOWN ? "known after the update" : shown(value)}`];
  return [...line("-", before), ...line("+", after)];
}

/** Formats a change: a line for the resource, and lines for each property before and after. */
export function changeLines({ kind, name, op, gone, values }: Change): string[] {
  const subject = `${kind} ${name}`;
  if (gone) return [`- ${subject} no longer exists`];
  const first = {
    create: `+ ${subject}`,
    update: `! ${subject}`,
    replace: `! ${subject} is replaced`,
    delete: `- ${subject}`,
    refresh: `! ${subject}`,
  }[op];
  return [first, ...(op === "create" || op === "delete" ? [] : values.flatMap(valueLines))];
}
