import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isDebian } from "../../../toolchain/debian";
import { ensureProgram } from "../../../toolchain/program";
import { Machine } from "./machine";

let machine: Machine;
beforeEach(() => void (machine = new Machine()));
afterEach(() => {
  vi.restoreAllMocks();
  machine.remove();
});

const shellcheck = () => ensureProgram("shellcheck", { log: machine.log });
const file = () => join(machine.bin, "shellcheck");

test("a program on PATH is used as it is", async () => {
  machine.program("shellcheck", "exit 0");
  expect(await shellcheck()).toBe(file());
});

test("without root, the error says what to install, and nothing is installed", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(1000);
  machine.program("apt-get", "exit 0");
  await expect(shellcheck()).rejects.toThrow(/shellcheck: not on PATH; install the package shellcheck/);
  expect(existsSync(join(machine.folder, "calls"))).toBe(false);
});

test.runIf(isDebian())("root on Debian or Ubuntu installs the package", async () => {
  vi.spyOn(process, "getuid").mockReturnValue(0);
  machine.program("apt-get", `case "$*" in *install*shellcheck) cp "$0" ${file()} ;; esac`);
  expect(await shellcheck()).toBe(file());
});
