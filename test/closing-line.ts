import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with one plain line that a script can read: `N passed, N failed`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    for (const module of modules) {
      // A file that could not be loaded, or whose set-up failed, has failed even if none of its tests ran.
      if (module.state() === "failed" && [...module.children.allTests("failed")].length === 0) failed += 1;
      for (const test of module.children.allTests()) {
        if (test.result().state === "passed") passed += 1;
        else failed += test.result().state === "failed" ? 1 : 0;
      }
    }
    console.log(`\n${passed} passed, ${failed} failed`);
  }
}
