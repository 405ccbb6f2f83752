import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";

// Files that a stack file names are data. A preview of a pull request takes them from its checkout, and the code from another one.

/** The variable that names the folder of the data; absent: the project itself. */
export const DATA_FOLDER = "PGWRIGHT_DATA";

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !way.startsWith("..") && !isAbsolute(way);
}

/** A path in a folder of data, which no link and no .. leads out of. */
export function pathInside(folder: string, path: string): string {
  const root = realpathSync(folder);
  const whole = resolve(root, path);
  const isFolder = statSync(whole, { throwIfNoEntry: false })?.isDirectory();
  const all = [whole, ...(isFolder ? readdirSync(whole).map((name) => join(whole, name)) : [])];
  if (!all.every((each) => isInside(root, existsSync(each) ? realpathSync(each) : each)))
    throw new Error(`"${path}" leads out of the folder ${folder}, and only files of it are read`);
  return whole;
}

/** Where a file or folder is that the stack file names. */
export function dataPath(path: string): string {
  const folder = process.env[DATA_FOLDER];
  return folder === undefined ? resolve(path) : pathInside(folder, path);
}
