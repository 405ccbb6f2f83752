// Pure: pieces of Markdown.

export const section = (title: string, lines: string[]): string[] =>
  lines.length > 0 ? [`### ${title}`, "", ...lines, ""] : [];

/** A block of code, in a fence that the text itself does not hold. */
export function fenced(language: string, lines: string[]): string[] {
  const longest = Math.max(2, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length)));
  const fence = "`".repeat(longest + 1);
  return lines.length > 0 ? [fence + language, ...lines, fence] : [];
}

/** A text that Markdown shows as it is. */
export const escaped = (text: string): string => text.replace(/[\\`*_{}[\]<>|#@~]/g, "\\$&");
