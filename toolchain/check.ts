import { ensureBaseImage } from "./base-image";
import { ensureEngine } from "./docker";
import { ensureProgram } from "./program";
import { ensurePulumi } from "./pulumi";
import { ensureS3Server } from "./s3-server";

// For developers: `npx sucrase-node toolchain/check.ts [PART]...` finds or installs these parts, or all, on this machine.
const parts: Record<string, (log: (line: string) => void) => Promise<unknown>> = {
  pulumi: (log) => ensurePulumi({ log }),
  engine: (log) => ensureEngine({ log }),
  "base-image": (log) => ensureBaseImage({ log }),
  "s3-server": (log) => ensureS3Server({ log }),
  shellcheck: (log) => ensureProgram("shellcheck", { log }),
  jq: (log) => ensureProgram("jq", { log }),
};

async function main(): Promise<void> {
  const names = process.argv.slice(2);
  for (const name of names.length > 0 ? names : Object.keys(parts)) {
    const part = parts[name];
    if (!part) throw new Error(`"${name}": unknown part; use one of ${Object.keys(parts).join(", ")}`);
    console.log(name, await part((line) => console.error(line)));
  }
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
