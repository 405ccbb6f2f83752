import { join } from "node:path";
import { ensureBaseImage } from "../../toolchain/base-image";
import { ensureEngine } from "../../toolchain/docker";
import { ensurePulumi } from "../../toolchain/pulumi";
import type { Invocation } from "../options";
import { log } from "../print";
import { ROOT } from "../project";
import { withTerminal } from "../terminal";

/** `npm test`: unit tests, then integration tests with a Docker engine; arguments are passed to vitest. */
export async function test({ args }: Invocation): Promise<number> {
  await ensureEngine({ log });
  await ensureBaseImage({ log });
  await ensurePulumi({ log });
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  return withTerminal(process.execPath, [vitest, "run", ...args], { cwd: ROOT });
}
