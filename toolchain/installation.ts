import { chmodSync, copyFileSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { isInside, temporaryName } from "./cache";
import { isExecutable } from "./run";
import type { Versions } from "./versions";

type Environment = Record<string, string | undefined>;

/** Environment that makes Pulumi faster: no check for updates, and less garbage collection, which takes a third of its time. */
export const QUICK = { PULUMI_SKIP_UPDATE_CHECK: "true", GOGC: "400" };

/** A Pulumi in the cache: `bin` with the command and its language host, `home` with the plugins in Pulumi's own layout. */
export class Installation {
  readonly bin: string;
  readonly home: string;

  constructor(
    readonly folder: string,
    private readonly versions: Versions,
  ) {
    this.bin = join(folder, "bin");
    this.home = join(folder, "home");
  }

  /** The absolute path of pulumi. */
  get command(): string {
    return join(this.bin, "pulumi");
  }

  /** The path of a program in the installation, by its file name. */
  pathOf(file: string): string {
    const plugin = /^pulumi-resource-(.+)$/.exec(file)?.[1];
    if (!plugin) return join(this.bin, file);
    return join(this.home, "plugins", `resource-${plugin}-v${this.versions.plugins[plugin]}`, file);
  }

  /** Whether all programs are installed. */
  isComplete(): boolean {
    const plugins = Object.keys(this.versions.plugins).map((name) => `pulumi-resource-${name}`);
    return ["pulumi", "pulumi-language-nodejs", ...plugins].every((file) => isExecutable(this.pathOf(file)));
  }

  /**
   * Disables the encrypted log that Pulumi writes for bug reports: with a thousand resources it takes a third of the time, and more
   * than 100 MB a day. A file in place of the log's folder prevents it.
   */
  silence(): void {
    const logs = join(this.home, "logs");
    if (lstatSync(logs, { throwIfNoEntry: false })?.isFile()) return;
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(this.home, { recursive: true });
    writeFileSync(logs, "");
  }

  /** Adds a program: as a hard link if the file system supports it. */
  add(source: string, file: string): void {
    this.put(file, (target) => {
      try {
        linkSync(source, target);
      } catch {
        copyFileSync(source, target);
      }
    });
  }

  /** Adds a copy of a file of the checkout. */
  copy(source: string, file: string): void {
    this.put(file, (target) => copyFileSync(source, target));
  }

  private put(file: string, make: (target: string) => void): void {
    const target = this.pathOf(file);
    if (isExecutable(target)) return;
    mkdirSync(dirname(target), { recursive: true });
    const temporary = temporaryName(target);
    rmSync(temporary, { force: true });
    make(temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, target);
  }

  /**
   * The environment of a process that uses this installation. PULUMI_HOME is the installation's, for the plugins in it. The user's
   * login and settings stay in effect, because Pulumi reads them from PULUMI_CREDENTIALS_PATH first.
   */
  environment(cache: string, env: Environment = process.env): Record<string, string> {
    return {
      PATH: [this.bin, ...(env.PATH ? [env.PATH] : [])].join(delimiter),
      PULUMI_HOME: this.home,
      PULUMI_CREDENTIALS_PATH: credentialsFolder(cache, env),
      ...QUICK,
    };
  }
}

/** The folder with the user's Pulumi login. A PULUMI_HOME in the cache was set by an outer call of pgwright, and is ignored. */
export function credentialsFolder(cache: string, env: Environment = process.env): string {
  if (env.PULUMI_CREDENTIALS_PATH) return env.PULUMI_CREDENTIALS_PATH;
  if (env.PULUMI_HOME && !isInside(env.PULUMI_HOME, cache)) return env.PULUMI_HOME;
  return join(env.HOME || homedir(), ".pulumi");
}
