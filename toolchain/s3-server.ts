import { join } from "node:path";
import { built, type Program } from "./build";
import { cacheFolder } from "./cache";
import { withLock } from "./lock";
import type { Log } from "./run";
import { checkout } from "./versions";

const PROGRAM: Program = {
  file: "versitygw",
  module: "s3-server",
  package: "github.com/versity/versitygw/cmd/versitygw",
  ldflags: "-s -w",
  duration: "1 minute",
  purpose: { what: "the object store of the tests" },
};

/** Builds the S3 object store of the tests, once a machine. */
export async function ensureS3Server({ log }: { log: Log }): Promise<string> {
  const cache = cacheFolder();
  const options = { sources: join(checkout, "toolchain"), store: join(cache, "test-programs"), log };
  return withLock(join(cache, "s3-server.lock"), log, () => built(PROGRAM, "", [PROGRAM], options));
}
