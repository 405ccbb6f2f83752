/** A problem in the stack file. */
export interface Problem {
  /** Path of the key, such as server.memory. */
  key: string;
  text: string;
}

/** The stack file is invalid. Thrown before anything is changed. */
export class StackError extends Error {
  /** The lines of the message. Names in a line can contain line breaks. */
  readonly lines: string[];

  constructor(readonly problems: Problem[]) {
    const lines = [
      `the stack file has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:`,
      ...problems.map(({ key, text }) => `${key ? `pgwright:${key}: ` : ""}${text}`),
    ];
    super(lines.join("\n  "));
    this.name = "StackError";
    this.lines = lines;
  }
}

/** Formats the path of a key: `databases["my shop"].jobs[0]`. */
export function path(parts: PropertyKey[]): string {
  return parts
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      const name = String(part);
      return /^[\w-]+$/.test(name) ? `${i ? "." : ""}${name}` : `["${name}"]`;
    })
    .join("");
}
