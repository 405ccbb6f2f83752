/** Fails with `otherwise` where something does not hold. */
export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** Counts what holds and what does not; one line each, and the closing line that a script can read. */
export class Checks {
  private passed = 0;
  private failed = 0;

  /** Runs one check; an error is a failure, and the next one goes on. */
  async that(what: string, act: () => Promise<void> | void): Promise<void> {
    const started = Date.now();
    try {
      await act();
      this.passed += 1;
      console.log(`holds: ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      console.log(`DOES NOT HOLD: ${what}\n${(error as Error).message}`);
    }
  }

  /** Prints `N passed, N failed`. */
  close(): void {
    console.log(`\n${this.passed} passed, ${this.failed} failed`);
    if (this.failed > 0) process.exitCode = 1;
  }
}
