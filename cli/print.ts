import { oneLine, visible } from "../provider/visible-text";

// What our commands print. Nothing else in cli/ writes to the terminal: names of objects would reach it as they are.

/** Lines of the answer, on standard output. No text in a line ends it. */
export function print(...lines: string[]): void {
  for (const line of lines) console.log(oneLine(line));
}

/** The answer for programs. */
export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

/** Messages beside the answer, on standard error. */
export function log(...messages: string[]): void {
  for (const message of messages) console.error(visible(message));
}
