import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve, sep } from "node:path";

type Environment = Record<string, string | undefined>;

/** The folder for files that are made once a machine: outside of the checkout, so that clones share it. */
export function cacheFolder(env: Environment = process.env): string {
  if (env.PGWRIGHT_CACHE) return resolve(env.PGWRIGHT_CACHE);
  if (env.XDG_CACHE_HOME) return resolve(env.XDG_CACHE_HOME, "pgwright");
  return join(env.HOME || homedir(), ".cache", "pgwright");
}

/** Whether `path` lies in `folder`. */
export function isInside(path: string, folder: string): boolean {
  return resolve(path).startsWith(resolve(folder) + sep);
}

/** A short hash of texts; each is prefixed with its length, so that moving a character between two texts changes the hash. */
export function keyOf(texts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  return hash.digest("hex").slice(0, 16);
}

/** The temporary name of a file until it is complete; it contains the pid, so that leftovers are recognized. */
export function temporaryName(path: string): string {
  return `${path}.tmp-${process.pid}`;
}

/** Removes temporary files of killed runs in `folder`. Only for the holder of the lock, since only it creates such files. */
export function sweep(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (/\.tmp-\d+$/.test(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
