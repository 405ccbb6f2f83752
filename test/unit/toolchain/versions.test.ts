import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isAtLeast, parseVersion, readVersions } from "../../../toolchain/versions";
import { Machine } from "./machine";

let machine: Machine;
beforeEach(() => void (machine = new Machine()));
afterEach(() => machine.remove());

const goMod = "module x\n\nrequire (\n\tgithub.com/pulumi/pulumi/pkg/v3 v3.250.0 // indirect\n)\n";
const pinned = { "@pulumi/docker": "5.2.0", "@pulumi/postgresql": "3.18.1", "@pulumi/command": "1.2.1" };

function checkout(dependencies: Record<string, string>, module = goMod): string {
  machine.file("package.json", JSON.stringify({ dependencies }));
  machine.file("toolchain/pulumi/go.mod", module);
  return machine.folder;
}

test("versions are found in what programs print", () => {
  expect(parseVersion("v3.250.0")).toEqual([3, 250, 0]);
  expect(parseVersion("go version go1.26rc1 linux/amd64")).toEqual([1, 26, 0]);
  expect(parseVersion("3.251.0-alpha.1730")).toEqual([3, 251, 0]);
  expect(parseVersion("command not found")).toBeUndefined();
});

test.each([
  ["v3.250.0", "3.250.0", true],
  ["3.250.1", "3.250.0", true],
  ["3.251.0", "3.250.9", true],
  ["4.0.0", "3.250.0", true],
  ["3.99.9", "3.250.0", false],
  ["2.300.0", "3.250.0", false],
  ["go1.9", "1.25.11", false],
  ["", "3.250.0", false],
])("%s is at least %s: %s", (version, minimum, expected) => {
  expect(isAtLeast(version, minimum)).toBe(expected);
});

describe("readVersions", () => {
  test("takes the plugins from package.json and Pulumi from its module", () => {
    expect(readVersions(checkout(pinned))).toEqual({
      pulumi: "3.250.0",
      plugins: { docker: "5.2.0", postgresql: "3.18.1", command: "1.2.1" },
    });
  });

  test("this checkout states them all", () => {
    expect(Object.keys(readVersions().plugins)).toEqual(["docker", "postgresql", "command"]);
  });

  test("refuses a range and a missing package, by name", () => {
    expect(() => readVersions(checkout({ ...pinned, "@pulumi/docker": "^5.2.0" }))).toThrow(
      /@pulumi\/docker is "\^5\.2\.0".*exact/,
    );
    expect(() => readVersions(checkout({ ...pinned, "@pulumi/command": "" }))).toThrow(/@pulumi\/command/);
  });

  test("refuses a module without Pulumi", () => {
    expect(() => readVersions(checkout(pinned, "module x\n"))).toThrow(/toolchain\/pulumi\/go\.mod/);
  });
});
