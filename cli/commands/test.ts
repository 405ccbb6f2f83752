import { ensureBaseImage } from "../../toolchain/base-image";
import { ensureEngine } from "../../toolchain/docker";
import { ensureProgram } from "../../toolchain/program";
import { ensurePulumi } from "../../toolchain/pulumi";
import type { Invocation } from "../options";
import { log } from "../print";
import { runVitest } from "../vitest";

/** `npm test`: unit tests, then integration tests with a Docker engine; arguments are passed to vitest. */
export async function test({ args }: Invocation): Promise<number> {
  await ensureProgram("jq", { log }); // the tests of the image's scripts
  await ensureEngine({ log });
  await ensureBaseImage({ log });
  await ensurePulumi({ log });
  return runVitest(...args);
}
