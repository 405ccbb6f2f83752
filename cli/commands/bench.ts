import type { Invocation } from "../invocation";
import { runNamed } from "../named";

/** `npm run bench -- NAME` runs a benchmark, `--list` lists them; each ends with a line `ratio NAME VALUE` per figure. */
export async function bench({ args }: Invocation): Promise<number> {
  return runNamed("bench", ".bench.ts", args);
}
