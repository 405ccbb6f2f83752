import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isStale, ourselves, withLock } from "../../../toolchain/lock";
import { Machine } from "./machine";

let machine: Machine;
let file: string;
beforeEach(() => {
  machine = new Machine();
  file = join(machine.cache, "test.lock");
});
afterEach(() => machine.remove());

function deadPid(): number {
  return spawnSync("/bin/sh", ["-c", "exit 0"]).pid;
}

describe("a lock is stale", () => {
  const now = 1_000_000;

  test("if its process is gone, not while it lives", () => {
    expect(isStale({ pid: deadPid(), host: hostname(), born: "" }, now, now)).toBe(true);
    expect(isStale(ourselves(), now, now)).toBe(false);
  });

  test("if its pid belongs to a later process", () => {
    expect(isStale({ ...ourselves(), born: "another time" }, now, now)).toBe(true);
  });

  test("on another machine only after a silence", () => {
    const away = { pid: 1, host: "elsewhere", born: "" };
    expect(isStale(away, now - 60_000, now)).toBe(false);
    expect(isStale(away, now - 180_000, now)).toBe(true);
  });

  test("if it stays empty", () => {
    expect(isStale(undefined, now - 1_000, now)).toBe(false);
    expect(isStale(undefined, now - 10_000, now)).toBe(true);
  });
});

test("one works at a time", async () => {
  const events: string[] = [];
  const work = (name: string) =>
    withLock(file, machine.log, async () => {
      events.push(`${name} begins`);
      await sleep(50);
      events.push(`${name} ends`);
    });
  await Promise.all([work("a"), work("b")]);
  const first = events[0]?.slice(0, 1);
  const second = first === "a" ? "b" : "a";
  expect(events).toEqual([`${first} begins`, `${first} ends`, `${second} begins`, `${second} ends`]);
  expect(machine.lines[0]).toMatch(new RegExp(`waiting for process ${process.pid}`));
  expect(existsSync(file)).toBe(false);
});

test("the lock of a killed process is taken over, by one of several", async () => {
  machine.file("cache/test.lock", JSON.stringify({ pid: deadPid(), host: hostname(), born: "" }));
  let inside = 0;
  const work = () =>
    withLock(file, machine.log, async () => {
      expect(++inside).toBe(1);
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(ourselves());
      await sleep(20);
      inside--;
    });
  await Promise.all([work(), work(), work()]);
  expect(readdirSync(machine.cache)).toEqual([]);
});

test("a failure releases it", async () => {
  await expect(withLock(file, machine.log, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(file)).toBe(false);
});
