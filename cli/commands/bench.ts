import type { Invocation, NAMED } from "../options";
import { runNamed } from "../named";

/** `npm run bench -- NAME` runs a benchmark, `--list` lists them; each ends with a line `ratio NAME VALUE` per figure. */
export async function bench({ options, args }: Invocation<typeof NAMED>): Promise<number> {
  return runNamed("bench", [".bench.ts"], options.list === true, args);
}
