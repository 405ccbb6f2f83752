#!/usr/bin/env node
// The entry point of every npm command. Plain JavaScript without dependencies, because it installs them.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const lock = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
const stamp = join(root, "node_modules", ".pgwright-lock");

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`pgwright needs Node 20 or later; this is ${process.version}`);
  process.exit(1);
}
// The stamp is written last, so that an interrupted installation is repeated.
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock) {
  console.error("installing dependencies (npm ci) ...");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) {
    console.error("npm ci: failed, see the lines above; correct the cause and run the same command again");
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, lock);
}

const { status, signal } = spawnSync(
  process.execPath,
  ["--require", join(root, "toolchain", "typescript.cjs"), join(root, "cli", "main.ts"), ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
  },
);
process.exit(signal ? 130 : (status ?? 1));
