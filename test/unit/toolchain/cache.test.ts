import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildKey, programKey, programs } from "../../../toolchain/build";
import { cacheFolder, isInside, keyOf, sweep } from "../../../toolchain/cache";
import { readVersions } from "../../../toolchain/versions";
import { Machine } from "./machine";

let machine: Machine;
beforeEach(() => void (machine = new Machine()));
afterEach(() => machine.remove());

test("the cache is where the user says, then where the desktop says, then in the home", () => {
  expect(cacheFolder({ PGWRIGHT_CACHE: "/a", XDG_CACHE_HOME: "/b", HOME: "/c" })).toBe("/a");
  expect(cacheFolder({ XDG_CACHE_HOME: "/b", HOME: "/c" })).toBe("/b/pgwright");
  expect(cacheFolder({ PGWRIGHT_CACHE: "", XDG_CACHE_HOME: "", HOME: "/c" })).toBe("/c/.cache/pgwright");
});

test("a folder is not inside of one whose name begins like it", () => {
  expect(isInside("/a/b/c", "/a/b")).toBe(true);
  expect(isInside("/a/bc", "/a/b")).toBe(false);
});

test("a key changes when a character moves from one text to the next", () => {
  expect(keyOf(["ab", "c"])).not.toBe(keyOf(["a", "bc"]));
  expect(keyOf(["ab", "c"])).toBe(keyOf(["ab", Buffer.from("c")]));
});

test("leftovers of killed runs are swept, and nothing else", () => {
  const leftover = machine.file("cache/pulumi-1.tmp-17", "half");
  const kept = machine.file("cache/pulumi-1", "whole");
  sweep(machine.cache);
  sweep(`${machine.cache}/missing`);
  expect([existsSync(leftover), existsSync(kept)]).toEqual([false, true]);
});

test("a program's key follows its module's files and its version; the others keep theirs", () => {
  const versions = readVersions();
  for (const { module, before } of programs(versions)) {
    machine.file(`modules/${module}/go.mod`, `module ${module}\n`);
    machine.file(`modules/${module}/go.sum`, "");
    if (before) machine.file(`modules/${module}/${before}`, "#!/bin/sh\n");
  }
  const sources = `${machine.folder}/modules`;
  const keys = () => programs(versions).map((program) => programKey(program, sources));
  const before = keys();
  const whole = buildKey(versions, sources);
  machine.file("modules/provider-docker/README.md", "not a source");
  expect(keys()).toEqual(before);
  machine.file("modules/provider-docker/main.go", "package main\n");
  const after = keys();
  expect(after.filter((key, index) => key !== before[index])).toHaveLength(1);
  expect(buildKey(versions, sources)).not.toBe(whole);
  const built = buildKey(versions, sources);
  machine.file("modules/language-nodejs/with-options.sh", "#!/bin/bash\n");
  expect(keys()).toEqual(after); // nothing is compiled again
  expect(buildKey(versions, sources)).not.toBe(built);
  const newer = { ...versions, plugins: { ...versions.plugins, command: "9.9.9" } };
  expect(
    programs(newer)
      .map((program) => programKey(program, sources))
      .slice(0, 4),
  ).toEqual(after.slice(0, 4));
  expect(buildKey(newer, sources)).not.toBe(buildKey(versions, sources));
});
