import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Text of a file of this folder, such as "catalog/privileges.sql". */
export function readSql(file: string): string {
  return readFileSync(join(__dirname, file), "utf8");
}

/** The files of a library of functions (a folder of functions/), by name in the order they are run. */
export function readLibrary(library: string): Record<string, string> {
  const folder = join(__dirname, "functions", library);
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

/** A hash over the files of a library. */
export function hashLibrary(library: string): string {
  return createHash("sha256")
    .update(JSON.stringify(Object.entries(readLibrary(library))))
    .digest("hex")
    .slice(0, 16);
}

/** The migration files of a folder (relative to the project), by file name in the order they are applied. */
export function readMigrations(folder: string): Record<string, string> {
  const path = resolve(folder);
  let names: string[];
  try {
    names = readdirSync(path).filter((name) => name.endsWith(".sql"));
  } catch {
    throw new Error(`migrations: folder "${folder}" cannot be read; it is looked up in ${process.cwd()}`);
  }
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(path, name), "utf8").replaceAll("\r\n", "\n")]),
  );
}
