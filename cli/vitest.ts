import { join } from "node:path";
import { ROOT } from "./project";
import { withTerminal } from "./terminal";

/** Runs vitest on the terminal; returns its exit code. */
export function runVitest(...args: string[]): Promise<number> {
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  return withTerminal(process.execPath, [vitest, "run", ...args], { cwd: ROOT });
}
