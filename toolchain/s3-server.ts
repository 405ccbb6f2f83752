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
  purpose: { what: "The object store of the tests" },
};

/** An object store that speaks S3, for the tests: built once a machine. */
export async function ensureS3Server({ log }: { log: Log }): Promise<string> {
  const cache = cacheFolder();
  const place = { sources: join(checkout, "toolchain"), store: join(cache, "test-programs"), log };
  return withLock(join(cache, "s3-server.lock"), log, () => built(PROGRAM, "", [PROGRAM], place));
}
