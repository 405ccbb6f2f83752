import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ensureBaseImage } from "../../../toolchain/base-image";
import { isDebian, systemName } from "../../../toolchain/debian";
import { ensureEngine } from "../../../toolchain/docker";
import { alivePid } from "../../../toolchain/leftovers";
import { Machine } from "./machine";

let machine: Machine;
beforeEach(() => void (machine = new Machine()));
afterEach(() => machine.remove());

const engine = () => ensureEngine({ log: machine.log });
const calls = () => readFileSync(join(machine.folder, "calls"), "utf8").trim().split("\n");

describe("an engine", () => {
  test("that answers is used as it is", async () => {
    machine.program("docker", `[ "$1" = version ] && echo 28.1.0 || echo unix:///home/ann/engine.sock`);
    expect(await engine()).toEqual({ version: "28.1.0", host: "unix:///home/ann/engine.sock" });
    expect(calls().filter((call) => !/ (version|context) /.test(call))).toEqual([]);
  });

  test("that DOCKER_HOST names and that does not answer is named, and nothing is installed", async () => {
    vi.stubEnv("DOCKER_HOST", "tcp://db.example:2376");
    machine.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
    machine.program("apt-get", "exit 0");
    await expect(engine()).rejects.toThrow(/tcp:\/\/db\.example:2376, given by DOCKER_HOST: .*Cannot connect[^]*unset/);
    expect(calls().filter((call) => call.startsWith("apt-get"))).toEqual([]);
  });

  test("that the current context names is named", async () => {
    machine.program("docker", `[ "$1" = version ] && exit 1 || echo ssh://ann@db.example`);
    await expect(engine()).rejects.toThrow(/ssh:\/\/ann@db\.example, given by the current context/);
  });

  test("that this user may not use is not replaced", async () => {
    machine.program(
      "docker",
      `[ "$1" = version ] || { echo unix:///var/run/docker.sock; exit; }
echo 'permission denied while trying to connect' >&2; exit 1`,
    );
    await expect(engine()).rejects.toThrow(/this user has no permission[^]*usermod -aG docker/);
  });
});

describe("a base image", () => {
  /** A docker with these images, whose registry has those. */
  function docker(local: string[], registry: string[]): void {
    const either = (names: string[]) => names.join("|") || "nothing";
    machine.program(
      "docker",
      `for name; do :; done
case "$1 $name" in
  ${local.map((name) => `"image ${name}"`).join("|") || '"image nothing"'}) exit 0 ;;
  ${registry.map((name) => `"pull ${name}"`).join("|") || `"pull ${either([])}"`}) exit 0 ;;
esac
echo 'dial tcp: no such host' >&2; exit 1`,
    );
  }
  const pulls = () => calls().filter((call) => call.startsWith("docker pull"));

  test("that is there is not pulled", async () => {
    docker(["debian:trixie-slim"], []);
    expect(await ensureBaseImage({ log: machine.log })).toBe("debian:trixie-slim");
    expect(pulls()).toEqual([]);
  });

  test("is pulled if it is not", async () => {
    docker([], ["debian:trixie-slim", "pgvector/pgvector:pg17"]);
    expect(await ensureBaseImage({ log: machine.log })).toBe("debian:trixie-slim");
    expect(await ensureBaseImage({ log: machine.log, base: "pgvector/pgvector:pg17" })).toBe("pgvector/pgvector:pg17");
  });

  test("that was made before is kept", async () => {
    docker(["pgwright/base:trixie"], ["debian:trixie-slim"]);
    expect(await ensureBaseImage({ log: machine.log })).toBe("pgwright/base:trixie");
    expect(pulls()).toEqual([]);
  });

  test("that was asked for is not replaced by another", async () => {
    docker(["pgwright/base:trixie"], []);
    await expect(ensureBaseImage({ log: machine.log, base: "corp/base:1" })).rejects.toThrow(
      /corp\/base:1: not on the engine, and cannot be pulled: dial tcp: no such host[^]*docker load/,
    );
  });
});

test("Debian and its children are known by os-release", () => {
  expect(isDebian('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n')).toBe(true);
  expect(isDebian('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
  expect(isDebian('ID="fedora"\nVARIANT_ID=debian-like\n')).toBe(false);
  expect(systemName('NAME="x"\nPRETTY_NAME="Fedora Linux 42"\n')).toBe("Fedora Linux 42");
});

test("a pid file counts only for a living process of the right program", () => {
  const file = machine.file("engine.pid", `${process.pid}\n`);
  expect(alivePid(file, "dockerd")).toBeUndefined();
  expect(alivePid(machine.file("empty.pid", ""), "dockerd")).toBeUndefined();
  expect(alivePid(join(machine.folder, "missing.pid"), "dockerd")).toBeUndefined();
});
