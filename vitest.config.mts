import { defineConfig } from "vitest/config";

// Two worlds: unit tests need nothing but Node; integration tests need the engine and Pulumi, which `npm test` provides.
export default defineConfig({
  test: {
    pool: "forks",
    reporters: ["default", "./test/closing-line.ts"],
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], testTimeout: 60_000, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          // After the unit tests, and with workers of its own.
          sequence: { groupOrder: 1 },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          // Each file has stacks of its own; more than two at a time would only wait for each other on a small machine.
          maxWorkers: 2,
          execArgv: ["--require", "./toolchain/lazy.cjs"], // as the program has it
        },
      },
    ],
  },
});
