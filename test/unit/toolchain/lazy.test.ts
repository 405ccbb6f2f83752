import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(__dirname, "..", "..", "..");

/** Runs a program with what the stack's program is preloaded with. */
function run(code: string): string {
  const args = ["--no-warnings", "--require", "./toolchain/lazy.cjs", "--eval", code];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

it("the program is loaded without what serializes functions", () => {
  const loaded = run(`require("@pulumi/pulumi"); console.log(Object.keys(require.cache).join("\\n"))`);
  expect(loaded).toMatch(/@pulumi\/pulumi\/index\.js/);
  expect(loaded).not.toMatch(/node_modules\/(typescript|@npmcli\/arborist)\//);
});

it("functions can be serialized nevertheless", () => {
  const text = run(
    `require("@pulumi/pulumi").runtime.serializeFunction(() => 41 + 1).then(({ text }) => console.log(text))`,
  );
  expect(text).toContain("41 + 1");
});
