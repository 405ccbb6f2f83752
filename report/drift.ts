import { document, fenced } from "./blocks";
import { oneLine } from "../provider/visible-text";
import { changeLines } from "./lines";
import type { Change } from "./report";

/** Something on the server that the stack file does not have. */
export interface Undeclared {
  kind: string;
  name: string;
  /** Where it is; undefined for what belongs to the whole server. */
  database?: string;
  /** More about it, in words. */
  what: string;
}

export interface Drift {
  stack: string;
  /** What is another than the last update has left it. */
  changed: Change[];
  undeclared: Undeclared[];
}

export const isDrift = ({ changed, undeclared }: Drift): boolean => changed.length + undeclared.length > 0;

export function undeclaredLine({ kind, name, database, what }: Undeclared): string {
  return `+ ${kind} ${name}${database === undefined ? "" : ` in ${database}`}${what === "" ? "" : ` (${what})`}`;
}

const CHANGED = "Changed by hand since the last update";
const UNDECLARED = "Nobody has declared";

export function headline({ stack, changed, undeclared }: Drift): string {
  const parts = [
    ...(changed.length > 0 ? [`${changed.length} changed by hand`] : []),
    ...(undeclared.length > 0 ? [`${undeclared.length} not declared`] : []),
  ];
  return `${stack}: ${parts.length > 0 ? parts.join(", ") : "as it was left by the last update"}`;
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
