import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Text of a file of this folder, such as "catalog/privileges.sql". */
export function readSql(file: string): string {
  return readFileSync(join(__dirname, file), "utf8");
}

/** SQL of a library, a folder of functions/. */
export interface LibrarySql {
  /** Statements that create and change its tables. Each is applied once, in this order; their number is the version of the tables. */
  steps: string[];
  /** Statements that create its routines and views, in this order; all run again after a change. */
  code: string[];
}

/** The names of steps in their order. Throws unless they are numbered 001, 002, ... */
export function orderSteps(names: string[]): string[] {
  return names.sort().map((name, i) => {
    const number = String(i + 1).padStart(3, "0");
    if (!name.startsWith(`${number}_`))
      throw new Error(
        `step ${name}: its number is not ${number}; number the steps from 001, without a gap or a duplicate`,
      );
    return name;
  });
}

export function readLibrary(library: string): LibrarySql {
  const folder = join(__dirname, "functions", library);
  const sqlFiles = (path: string) => readdirSync(path).filter((name) => name.endsWith(".sql"));
  const texts = (path: string, names: string[]) => names.map((name) => readFileSync(join(path, name), "utf8"));
  const tables = join(folder, "tables");
  return { steps: texts(tables, orderSteps(sqlFiles(tables))), code: texts(folder, sqlFiles(folder).sort()) };
}

/** A hash over the SQL of a library. */
export function hashLibrary(library: string): string {
  return createHash("sha256")
    .update(JSON.stringify(readLibrary(library)))
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
