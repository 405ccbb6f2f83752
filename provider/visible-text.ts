// Pure: makes texts safe to display. Names, comments and errors come from owners of objects and authors of files, and terminals,
// YAML parsers and Markdown interpret some characters instead of showing them.

// Line ends, terminal escapes, controls of the direction of text, and characters without width.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text in one line, its invisible characters as escapes such as \n and \u{1b}. */
export const oneLine = (text: string): string =>
  text.replace(INVISIBLE, (found) => SHORT[found] ?? `\\u{${found.codePointAt(0)?.toString(16)}}`);

/** The lines of one message: all after the first are indented, so that none can be read as the begin of another message. */
export function linesOf(text: string): string[] {
  const [first = "", ...more] = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => oneLine(line.replaceAll("\t", "    ")));
  return [first, ...more.map((line) => (/^ {2}|^$/.test(line) ? line : `  ${line}`))];
}

/** A text of several lines for a terminal. */
export const visible = (text: string): string => linesOf(text).join("\n");
