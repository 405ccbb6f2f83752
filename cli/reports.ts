import { writeFileSync } from "node:fs";

/** Separates each `--report FILE` from the other arguments. */
export function takeReports(args: string[]): { files: string[]; rest: string[] } {
  const files: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < args.length; i += 1) {
    const [, inline] = /^--report=(.*)$/.exec(args[i] ?? "") ?? [];
    if (inline === undefined && args[i] !== "--report") rest.push(args[i] ?? "");
    else {
      const file = inline ?? args[(i += 1)] ?? "";
      if (!/\.(md|json)$/.test(file))
        throw new Error(`--report "${file}": unknown format; name a file that ends with .md or .json`);
      files.push(file);
    }
  }
  return { files, rest };
}

/** Writes each file in the format of its extension. */
export function writeReports(files: string[], { markdown, data }: { markdown: () => string; data: unknown }): void {
  for (const file of files)
    writeFileSync(file, file.endsWith(".json") ? `${JSON.stringify(data, null, 2)}\n` : markdown());
}
