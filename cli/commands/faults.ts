import type { Invocation, NAMED } from "../options";
import { runNamed } from "../named";

/** `npm run test:faults -- NAME` runs one long fault test, `--list` lists them: programs, and tests that vitest runs. */
export async function faults({ options, args }: Invocation<typeof NAMED>): Promise<number> {
  return runNamed("test/faults", [".fault.ts", ".test.ts"], options.list === true, args);
}
