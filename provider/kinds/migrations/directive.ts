import { errorAt, skipBlank, type ParsedStatement } from "../../sql-file";

// Pure: comments of a migration that say how the statement behind them is run. dbmate sees comments.

/** `-- pgwright:batch rows=5000 pause=100ms` before an UPDATE or DELETE: it is run in pieces. */
export interface Directive {
  /** Rows that a piece has at the most, about. */
  rows: number;
  /** Milliseconds between two pieces. */
  pause: number;
}

const DEFAULTS: Directive = { rows: 10_000, pause: 0 };
const MOST_ROWS = 1_000_000;
const MOST_PAUSE_MS = 60_000;
const LINE = /^[ \t]*(--[ \t]*pgwright:(.*))$/gm;
const ALLOWED = "write -- pgwright:batch, or with options -- pgwright:batch rows=5000 pause=100ms";

/** The options of a directive; a text: what is wrong with it. */
function parse(text: string): Directive | string {
  const [name, ...options] = text.trim().split(/\s+/);
  if (name !== "batch") return `there is no directive pgwright:${name ?? ""}; ${ALLOWED}`;
  const found = { ...DEFAULTS };
  for (const option of options) {
    const [, rows] = /^rows=(\d{1,7})$/.exec(option) ?? [];
    const [, pause, unit] = /^pause=(\d{1,5})(ms|s)$/.exec(option) ?? [];
    if (rows && Number(rows) >= 1 && Number(rows) <= MOST_ROWS) found.rows = Number(rows);
    else if (pause && Number(pause) * (unit === "s" ? 1000 : 1) <= MOST_PAUSE_MS)
      found.pause = Number(pause) * (unit === "s" ? 1000 : 1);
    else
      return `option "${option}" of pgwright:batch is not allowed: rows=1 to rows=${MOST_ROWS}, pause=0ms to pause=${MOST_PAUSE_MS / 1000}s`;
  }
  return found;
}

/** The directive of each statement of a part of a file, in their order. One that would have no effect is refused. */
export function directivesOf(
  file: string,
  text: string,
  statements: ParsedStatement[],
  from: number,
  to: number,
): (Directive | undefined)[] {
  const lines = new Map<number, string>();
  for (const match of text.slice(from, to).matchAll(LINE))
    lines.set(from + match.index + match[0].length - (match[1] ?? "").length, match[2] ?? "");
  const found = statements.map((statement) => {
    const comments: number[] = [];
    skipBlank(text.slice(statement.from, statement.at), (at) => comments.push(statement.from + at));
    const [first, second] = comments.filter((at) => lines.has(at));
    if (second !== undefined) throw errorAt(file, text, second, "a statement has one directive of pgwright");
    if (first === undefined) return undefined;
    const directive = parse(lines.get(first) ?? "");
    if (typeof directive === "string") throw errorAt(file, text, first, directive);
    return directive;
  });
  const before = (at: number) => statements.some((statement) => at >= statement.from && at < statement.at);
  const lost = [...lines.keys()].find((at) => !before(at));
  if (lost !== undefined)
    throw errorAt(file, text, lost, "a directive of pgwright stands on a line of its own before its statement");
  return found;
}
