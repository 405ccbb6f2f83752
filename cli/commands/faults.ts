import type { Invocation } from "../invocation";
import { runNamed } from "../named";

/** `npm run test:faults -- NAME` runs one long fault test, `--list` lists them. */
export async function faults({ args }: Invocation): Promise<number> {
  return runNamed("test/faults", ".fault.ts", args);
}
