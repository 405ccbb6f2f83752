import type { Invocation, NAMED } from "../options";
import { runNamed } from "../named";

/** `npm run test:faults -- NAME` runs one long fault test, `--list` lists them. */
export async function faults({ options, args }: Invocation<typeof NAMED>): Promise<number> {
  return runNamed("test/faults", ".fault.ts", options.list === true, args);
}
