import type { Invocation } from "../invocation";
import { runNamed } from "../named";

/** `npm run test:faults -- NAME` runs one long fault test, `--list` names them all. */
export async function faults({ args }: Invocation): Promise<number> {
  return runNamed("test/faults", ".fault.ts", args);
}
