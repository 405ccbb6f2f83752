import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureBaseImage } from "../toolchain/base-image";
import { ensureEngine } from "../toolchain/docker";
import { log, print } from "./print";
import { ROOT } from "./project";

/** Runs one of the programs of a folder by its name, or lists them (`--list`). Each exports `run(args)`. */
export async function runNamed(folder: string, suffix: string, list: boolean, args: string[]): Promise<number> {
  const path = join(ROOT, folder);
  const names = (existsSync(path) ? readdirSync(path) : [])
    .filter((file) => file.endsWith(suffix))
    .map((file) => file.slice(0, -suffix.length));
  if (list) {
    print(...names);
    return 0;
  }
  const [name = "", ...rest] = args;
  if (!names.includes(name)) throw new Error(`"${name}": not in ${folder}; use one of ${names.join(", ")}`);
  await ensureEngine({ log });
  await ensureBaseImage({ log });
  const { run } = (await import(join(path, `${name}${suffix}`))) as { run(args: string[]): Promise<void> };
  await run(rest);
  return 0;
}
