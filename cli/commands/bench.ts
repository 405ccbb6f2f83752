import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureEngine } from "../../toolchain/docker";
import type { Invocation } from "../main";
import { log, ROOT } from "../project";

/** `npm run bench -- NAME` runs one, `--list` names them all; each ends with a line `ratio NAME VALUE` a figure. */
export async function bench({ args }: Invocation): Promise<number> {
  const names = readdirSync(join(ROOT, "bench"))
    .filter((file) => file.endsWith(".bench.ts"))
    .map((file) => file.slice(0, -".bench.ts".length));
  if (args.includes("--list")) {
    for (const name of names) console.log(name);
    return 0;
  }
  const [name = ""] = args;
  if (!names.includes(name)) throw new Error(`there is no bench "${name}"; there are ${names.join(", ")}`);
  await ensureEngine({ log });
  const { run } = (await import(join(ROOT, "bench", `${name}.bench.ts`))) as { run(): Promise<void> };
  await run();
  return 0;
}
