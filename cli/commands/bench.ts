import type { Invocation } from "../invocation";
import { runNamed } from "../named";

/** `npm run bench -- NAME` runs one, `--list` names them all; each ends with a line `ratio NAME VALUE` a figure. */
export async function bench({ args }: Invocation): Promise<number> {
  return runNamed("bench", ".bench.ts", args);
}
