import { linesOf, oneLine } from "../provider/visible-text";

// Pure: pieces of Markdown that show any text as it is. GitHub looks for mentions, links, HTML and entities everywhere but in code.

/** Lines between what opens and what closes them: where a document is cut, only lines go. */
export interface Block {
  open: string[];
  lines: string[];
  close: string[];
}

/** So much of a line is shown, characters. */
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

/** A section of a list; none without items. */
export const listed = (title: string, items: string[]): Block[] =>
  items.length > 0 ? [{ open: [`### ${title}`, ""], lines: items, close: [""] }] : [];

/** A block of code under a heading, in a fence that the lines do not hold; none without lines. */
export function fenced(heading: string[], language: string, lines: string[], close: string[] = []): Block[] {
  const shown = lines.map(clipped);
  const fence = "`".repeat(Math.max(2, longestTicks(shown)) + 1);
  return lines.length > 0
    ? [{ open: [...heading, "", fence + language], lines: shown, close: [fence, "", ...close] }]
    : [];
}

/** GitHub takes comments of up to 65,536 characters. */
const LONGEST = 60_000;

/** A document of a heading and blocks, as much of it as a comment can hold; each block that is begun is closed. */
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
      written.push("...", "", "The rest is in the output of the command: this is as much as a comment can hold.", "");
      break;
    }
  }
  return written.join("\n");
}
