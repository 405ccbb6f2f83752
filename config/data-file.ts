import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";

// Files that a stack file names are data. The preview of a pull request reads them from the checkout of the pull request, and runs the
// code of another checkout.

/** Environment variable with the folder of these files; the project's folder if unset. */
export const DATA_FOLDER = "PGWRIGHT_DATA";

function isInside(folder: string, path: string): boolean {
  const fromFolder = relative(folder, path);
  return !fromFolder.startsWith("..") && !isAbsolute(fromFolder);
}

/** Resolves a path in a folder. Throws if a symbolic link or .. leads out of the folder. */
export function pathInside(folder: string, path: string): string {
  const root = realpathSync(folder);
  const whole = resolve(root, path);
  const isFolder = statSync(whole, { throwIfNoEntry: false })?.isDirectory();
  const all = [whole, ...(isFolder ? readdirSync(whole).map((name) => join(whole, name)) : [])];
  if (!all.every((each) => isInside(root, existsSync(each) ? realpathSync(each) : each)))
    throw new Error(`"${path}" is outside of the folder ${folder}; name a file or folder inside it`);
  return whole;
}

/** The absolute path of a file or folder that the stack file names. */
export function dataPath(path: string): string {
  const folder = process.env[DATA_FOLDER];
  return folder === undefined ? resolve(path) : pathInside(folder, path);
}
