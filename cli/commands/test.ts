import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBaseImage } from "../../toolchain/base-image";
import { ensureEngine } from "../../toolchain/docker";
import { ensurePulumi } from "../../toolchain/pulumi";
import type { Invocation } from "../main";
import { log, ROOT } from "../project";

/** `npm test`: unit tests, then integration tests with the real engine; arguments go to vitest. */
export async function test({ args }: Invocation): Promise<number> {
  await ensureEngine({ log });
  await ensureBaseImage({ log });
  await ensurePulumi({ log });
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", ...args], { cwd: ROOT, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
