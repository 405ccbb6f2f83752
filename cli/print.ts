import { oneLine, visible } from "../provider/visible-text";

// All commands print through these functions, since names of objects may hold control characters.

/** Prints lines to standard output; a line break within a line is escaped. */
export function print(...lines: string[]): void {
  for (const line of lines) console.log(oneLine(line));
}

/** Prints a value as JSON to standard output. */
export const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

/** Prints messages to standard error. */
export function log(...messages: string[]): void {
  for (const message of messages) console.error(visible(message));
}
