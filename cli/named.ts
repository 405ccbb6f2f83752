import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { ensureBaseImage } from "../toolchain/base-image";
import { ensureEngine } from "../toolchain/docker";
import { log, print } from "./print";
import { ROOT } from "./project";
import { runVitest } from "./vitest";

/**
 * Runs one of the programs of a folder by its name, or lists them (`--list`). Each exports `run(args)`. A file NAME.test.ts is run
 * by vitest, in the mode with the name of its folder.
 */
export async function runNamed(folder: string, suffixes: string[], list: boolean, args: string[]): Promise<number> {
  const path = join(ROOT, folder);
  const files = new Map<string, string>();
  for (const file of existsSync(path) ? readdirSync(path) : []) {
    const suffix = suffixes.find((each) => file.endsWith(each));
    if (suffix !== undefined) files.set(file.slice(0, -suffix.length), file);
  }
  if (list) {
    print(...files.keys());
    return 0;
  }
  const [name = "", ...rest] = args;
  const file = files.get(name);
  if (file === undefined) throw new Error(`"${name}": not in ${folder}; use one of ${[...files.keys()].join(", ")}`);
  await ensureEngine({ log });
  await ensureBaseImage({ log });
  if (file.endsWith(".test.ts")) return runVitest("--mode", basename(folder), `${folder}/${file}`, ...rest);
  const { run } = (await import(join(path, file))) as { run(args: string[]): Promise<void> };
  await run(rest);
  return 0;
}
