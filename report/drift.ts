import { document, fenced } from "./blocks";
import { oneLine } from "../provider/visible-text";
import { changeLines } from "./lines";
import type { Change } from "./report";

/** An object on the server that the stack file does not declare. */
export interface Undeclared {
  kind: string;
  name: string;
  /** Its database; undefined for an object of the whole server. */
  database?: string;
  /** Details, as text; may be empty. */
  what: string;
}

export interface Drift {
  stack: string;
  /** Objects that differ from the state of the last update. */
  changed: Change[];
  undeclared: Undeclared[];
}

export const isDrift = ({ changed, undeclared }: Drift): boolean => changed.length + undeclared.length > 0;

export function undeclaredLine({ kind, name, database, what }: Undeclared): string {
  return `+ ${kind} ${name}${database === undefined ? "" : ` in ${database}`}${what === "" ? "" : ` (${what})`}`;
}

const CHANGED = "Changed outside of pgwright since the last update";
const UNDECLARED = "Undeclared";

export function headline({ stack, changed, undeclared }: Drift): string {
  const parts = [
    ...(changed.length > 0 ? [`${changed.length} changed outside of pgwright`] : []),
    ...(undeclared.length > 0 ? [`${undeclared.length} undeclared`] : []),
  ];
  return `${stack}: ${parts.length > 0 ? parts.join(", ") : "no drift since the last update"}`;
}

/** Lines for a terminal. */
export function toText(drift: Drift): string[] {
  const part = (title: string, lines: string[]) =>
    lines.length > 0 ? ["", `${title}:`, ...lines.map((line) => `  ${oneLine(line)}`)] : [];
  return [
    headline(drift),
    ...part(CHANGED, drift.changed.flatMap(changeLines)),
    ...part(UNDECLARED, drift.undeclared.map(undeclaredLine)),
  ];
}

export const toMarkdown = (drift: Drift): string =>
  document(`## ${headline(drift)}`, [
    ...fenced([`### ${CHANGED}`], "diff", drift.changed.flatMap(changeLines)),
    ...fenced([`### ${UNDECLARED}`], "diff", drift.undeclared.map(undeclaredLine)),
  ]);
