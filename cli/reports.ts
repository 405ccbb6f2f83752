import { writeFileSync } from "node:fs";

/** The files of `--report`; throws if the format of one is unknown. */
export function reportFiles(files: string[] = []): string[] {
  for (const file of files)
    if (!/\.(md|json)$/.test(file))
      throw new Error(`--report "${file}": unknown format; name a file that ends with .md or .json`);
  return files;
}

/** Writes each file in the format of its extension. */
export function writeReports(files: string[], { markdown, data }: { markdown: () => string; data: unknown }): void {
  for (const file of files)
    writeFileSync(file, file.endsWith(".json") ? `${JSON.stringify(data, null, 2)}\n` : markdown());
}
