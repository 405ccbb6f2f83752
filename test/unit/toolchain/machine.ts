import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { vi } from "vitest";

/** What the scripts of the tests call. The folders of the system are not on PATH: there may be a pulumi in them. */
const tools = ["chmod", "cp", "cut", "gzip", "mkdir", "sha256sum", "sh", "sleep", "tar"];

/** A machine of its own for a test: an empty cache and home, and only those programs on PATH that the test puts there. */
export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), "pgwright-toolchain-"));
  readonly cache = join(this.folder, "cache");
  readonly home = join(this.folder, "home");
  readonly bin = join(this.folder, "bin");
  readonly lines: string[] = [];
  readonly log = (line: string) => void this.lines.push(line);

  constructor() {
    for (const folder of [this.home, this.bin]) mkdirSync(folder, { recursive: true });
    const system = join(this.folder, "system");
    mkdirSync(system);
    for (const tool of tools) {
      const file = ["/usr/bin", "/bin"].map((folder) => join(folder, tool)).find(existsSync);
      if (file) symlinkSync(file, join(system, tool));
    }
    vi.stubEnv("PATH", `${this.bin}:${system}`);
    vi.stubEnv("HOME", this.home);
    vi.stubEnv("PGWRIGHT_CACHE", this.cache);
    for (const name of ["PULUMI_HOME", "PULUMI_CREDENTIALS_PATH", "DOCKER_HOST", "GOTOOLCHAIN"]) {
      vi.stubEnv(name, undefined);
    }
  }

  /** Puts a shell script on PATH. Its calls are in `calls`. */
  program(name: string, script: string): void {
    this.file(join("bin", name), `#!/bin/sh\necho "${name} $*" >> ${this.folder}/calls\n${script}\n`, 0o755);
  }

  /** Writes a file, by its path on this machine. */
  file(path: string, content: string, mode = 0o644): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  }

  /** Forgets everything. */
  remove(): void {
    vi.unstubAllEnvs();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
