import { defineConfig } from "vitest/config";

/** Tests that need the engine and Pulumi, which the npm commands provide. */
const withStacks = (name: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    // After the unit tests, and with workers of its own.
    sequence: { groupOrder: 1 },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Each file has stacks of its own. It waits for a quarter of its time, so three of them keep two processors in use.
    maxWorkers: 3,
    execArgv: ["--require", "./toolchain/lazy.cjs"], // as the program has it
  },
});

const unit = {
  extends: true as const,
  test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000, sequence: { groupOrder: 0 } },
};

// Two worlds: unit tests need nothing but Node; the others have stacks. Long ones run in a mode of their own, one at a time.
export default defineConfig(({ mode }) => ({
  test: {
    pool: "forks",
    reporters: ["default", "./test/closing-line.ts"],
    projects: mode === "faults" ? [withStacks("faults")] : [unit, withStacks("integration")],
  },
}));
