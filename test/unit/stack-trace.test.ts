import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(__dirname, "..", "..");

/** What the program prints that fails, since no engine runs it. */
function errorOfProgram(trace: string | undefined): string {
  const args = ["--require", join(ROOT, "toolchain", "typescript.cjs"), "index.ts"];
  const env = { ...process.env, PGWRIGHT_TRACE: trace };
  return spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" }).stderr;
}

it("keeps stack traces with PGWRIGHT_TRACE=true only", () => {
  expect(errorOfProgram("true")).toMatch(/Error: .*\n +at /);
  const without = errorOfProgram(undefined);
  expect(without).toContain("Error: ");
  expect(without).not.toMatch(/^ +at /m);
});
