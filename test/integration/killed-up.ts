import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { TestStack, type StackConfig } from "./stack";

/** Kills a first `up` some time after its start: the next one goes on, and a `destroy` leaves nothing. */
export async function firstUpKilled(config: StackConfig, milliseconds: number): Promise<void> {
  const stack = await TestStack.create(structuredClone(config));
  try {
    const child = stack.start("up", "--yes", "--skip-preview", "--stack", stack.name);
    await sleep(milliseconds);
    try {
      process.kill(-(child.pid as number), "SIGKILL"); // with its plugins
    } catch {
      // it had ended already
    }
    stack.cutOffStateAttributes(); // as if it had been killed while it wrote them
    const { code, text } = await stack.cli("up");
    expect(code, text).toBe(0);
    expect(stack.sql("app", "SELECT 1")).toBe("1");
    expect((await stack.unchanged()).code).toBe(0);
    expect((await stack.destroy()).code).toBe(0);
    expect(stack.remains()).toEqual([]);
  } finally {
    await stack.dispose();
  }
}
