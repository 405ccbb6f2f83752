import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Installation, credentialsFolder } from "../../../toolchain/installation";
import { Machine } from "./machine";

const versions = { pulumi: "3.250.0", plugins: { docker: "5.2.0" } };
let machine: Machine;
let installation: Installation;
beforeEach(() => {
  machine = new Machine();
  installation = new Installation(`${machine.cache}/built-1`, versions);
});
afterEach(() => machine.remove());

test("plugins lie where Pulumi looks for them, the language host beside pulumi", () => {
  expect(installation.pathOf("pulumi-resource-docker")).toBe(
    `${machine.cache}/built-1/home/plugins/resource-docker-v5.2.0/pulumi-resource-docker`,
  );
  expect(installation.pathOf("pulumi-language-nodejs")).toBe(`${machine.cache}/built-1/bin/pulumi-language-nodejs`);
});

test("it is complete with the last program, not before", () => {
  const program = machine.file("program", "#!/bin/sh\n", 0o755);
  for (const file of ["pulumi-resource-docker", "pulumi-language-nodejs", "pulumi"]) {
    expect(installation.isComplete()).toBe(false);
    installation.add(program, file);
  }
  expect(installation.isComplete()).toBe(true);
  installation.add(program, "pulumi");
  expect(existsSync(`${installation.command}.tmp-${process.pid}`)).toBe(false);
});

test("the user's login stays where it is, and our home holds the plugins", () => {
  const env = installation.environment(machine.cache, { HOME: "/home/ann", PATH: "/usr/bin" });
  expect(env).toEqual({
    PATH: `${installation.bin}:/usr/bin`,
    PULUMI_HOME: installation.home,
    PULUMI_CREDENTIALS_PATH: "/home/ann/.pulumi",
    GOGC: "400",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  });
});

test("a login elsewhere is followed; our own home is not taken for the user's", () => {
  const { cache } = machine;
  expect(credentialsFolder(cache, { HOME: "/h", PULUMI_HOME: "/p" })).toBe("/p");
  expect(credentialsFolder(cache, { HOME: "/h", PULUMI_HOME: "/p", PULUMI_CREDENTIALS_PATH: "/c" })).toBe("/c");
  expect(credentialsFolder(cache, { HOME: "/h", PULUMI_HOME: installation.home })).toBe("/h/.pulumi");
});
