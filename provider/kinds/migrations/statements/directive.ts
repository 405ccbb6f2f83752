import { errorAt, skipBlank, type ParsedStatement } from "../../../sql-file";

// Pure: comments of a migration that define how the next statement runs. To dbmate they are plain comments.

/** `-- pgwright:batch rows=5000 pause=100ms` before an UPDATE or DELETE, which then runs in batches. */
export interface Directive {
  /** Approximate maximum number of rows of a batch. */
  rows: number;
  /** Milliseconds between two batches. */
  pause: number;
}

const DEFAULTS: Directive = { rows: 10_000, pause: 0 };
const MOST_ROWS = 1_000_000;
const MOST_PAUSE_MS = 60_000;
const LINE = /^[ \t]*(--[ \t]*pgwright:(.*))$/gm;
const ALLOWED = "write -- pgwright:batch, or with options -- pgwright:batch rows=5000 pause=100ms";

/** The options of a directive; a text says what is wrong with it. */
function parse(text: string): Directive | string {
  const [name, ...options] = text.trim().split(/\s+/);
  if (name !== "batch") return `unknown directive pgwright:${name ?? ""}; ${ALLOWED}`;
  const found = { ...DEFAULTS };
  for (const option of options) {
    const [, rows] = /^rows=(\d{1,7})$/.exec(option) ?? [];
    const [, count, unit] = /^pause=(\d{1,5})(ms|s)$/.exec(option) ?? [];
    const pause = Number(count) * (unit === "s" ? 1000 : 1);
    if (rows && Number(rows) >= 1 && Number(rows) <= MOST_ROWS) found.rows = Number(rows);
    else if (pause <= MOST_PAUSE_MS) found.pause = pause;
    else
      return `option "${option}" of pgwright:batch is not allowed; write rows=1 to rows=${MOST_ROWS}, or pause=0ms to pause=${MOST_PAUSE_MS / 1000}s`;
  }
  return found;
}

/** The directive of each statement, in their order. Throws for a directive that would have no effect. */
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
    if (second !== undefined)
      throw errorAt(file, text, second, "the statement has a second directive of pgwright; remove one");
    if (first === undefined) return undefined;
    const directive = parse(lines.get(first) ?? "");
    if (typeof directive === "string") throw errorAt(file, text, first, directive);
    return directive;
  });
  const before = (at: number) => statements.some((statement) => at >= statement.from && at < statement.at);
  const lost = [...lines.keys()].find((at) => !before(at));
  if (lost !== undefined)
    throw errorAt(
      file,
      text,
      lost,
      "no statement follows this directive of pgwright; write it on a line of its own before its statement",
    );
  return found;
}
