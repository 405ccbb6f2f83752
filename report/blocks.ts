import { linesOf, oneLine } from "../provider/visible-text";

// Pure: Markdown that shows any text literally. GitHub interprets mentions, links, HTML and entities everywhere except in code.

/** Lines with an opening and a closing part: where a document is truncated, only lines are dropped. */
export interface Block {
  open: string[];
  lines: string[];
  close: string[];
}

/** Longest line that is shown whole, characters. */
const LINE = 2000;

const clipped = (line: string): string => oneLine(line.length > LINE ? `${line.slice(0, LINE)} ...` : line);

const longestTicks = (lines: string[]): number =>
  Math.max(0, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map(({ length }) => length)));

/** A line of text as code. */
export function code(line: string): string {
  const text = clipped(line);
  const ticks = "`".repeat(longestTicks([text]) + 1);
  const space = /^[ `]|[ `]$/.test(text) ? " " : "";
  return `${ticks}${space}${text}${space}${ticks}`;
}

/** A message as an item of a list, its further lines as items below it. */
export function bullet(text: string): string {
  const [first = "", ...more] = linesOf(text).filter((line) => line.trim() !== "");
  return [`- ${code(first)}`, ...more.map((line) => `  - ${code(line.trim())}`)].join("\n");
}

/** A section with a list; no section without items. */
export const listed = (title: string, items: string[]): Block[] =>
  items.length > 0 ? [{ open: [`### ${title}`, ""], lines: items, close: [""] }] : [];

/** A block of code under a heading, with a fence that no line contains; no block without lines. */
export function fenced(heading: string[], language: string, lines: string[], close: string[] = []): Block[] {
  const shown = lines.map(clipped);
  const fence = "`".repeat(Math.max(2, longestTicks(shown)) + 1);
  return lines.length > 0
    ? [{ open: [...heading, "", fence + language], lines: shown, close: [fence, "", ...close] }]
    : [];
}

/** Below GitHub's limit for a comment, 65,536 characters. */
const LONGEST = 60_000;

/** A document of a heading and blocks, truncated to the size of a comment; each opened block is closed. */
export function document(heading: string, blocks: Block[]): string {
  const written = [heading, ""];
  let room = LONGEST - heading.length;
  const size = (lines: string[]) => lines.reduce((sum, line) => sum + line.length + 1, 0);
  for (const { open, lines, close } of blocks) {
    room -= size(open) + size(close);
    const fits = lines.findIndex((line) => (room -= line.length + 1) < 0);
    const kept = fits < 0 ? lines : lines.slice(0, fits);
    if (kept.length > 0) written.push(...open, ...kept, ...close);
    if (fits >= 0) {
      written.push("...", "", "The rest is in the output of the command: a comment cannot be longer.", "");
      break;
    }
  }
  return written.join("\n");
}
