import { chmodSync, copyFileSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { isInside, temporaryName } from "./cache";
import { isExecutable } from "./run";
import type { Versions } from "./versions";

type Environment = Record<string, string | undefined>;

/** Environment of any Pulumi: it asks nobody for a newer one, and collects garbage less often, for a third of its time. */
export const QUICK = { PULUMI_SKIP_UPDATE_CHECK: "true", GOGC: "400" };

/** A Pulumi in our cache: `bin` with the command and its language host, `home` with the plugins in Pulumi's own layout. */
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

  /** Where a program belongs, by its file name. */
  place(file: string): string {
    const plugin = /^pulumi-resource-(.+)$/.exec(file)?.[1];
    if (!plugin) return join(this.bin, file);
    return join(this.home, "plugins", `resource-${plugin}-v${this.versions.plugins[plugin]}`, file);
  }

  /** Whether everything is there. */
  isComplete(): boolean {
    const plugins = Object.keys(this.versions.plugins).map((name) => `pulumi-resource-${name}`);
    return ["pulumi", "pulumi-language-nodejs", ...plugins].every((file) => isExecutable(this.place(file)));
  }

  /**
   * Pulumi writes a log of every step in all detail, encrypted, to be sent with a bug report: a third of its time with a
   * thousand resources, and more than 100 MB a day. A file in place of the log's folder keeps it from that.
   */
  silence(): void {
    const logs = join(this.home, "logs");
    if (lstatSync(logs, { throwIfNoEntry: false })?.isFile()) return;
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(this.home, { recursive: true });
    writeFileSync(logs, "");
  }

  /** Puts a program in its place: a hard link where the file system has them. */
  add(source: string, file: string): void {
    this.put(file, (target) => {
      try {
        linkSync(source, target);
      } catch {
        copyFileSync(source, target);
      }
    });
  }

  /** Puts a copy of a file of the checkout in its place. */
  copy(source: string, file: string): void {
    this.put(file, (target) => copyFileSync(source, target));
  }

  private put(file: string, make: (target: string) => void): void {
    const target = this.place(file);
    if (isExecutable(target)) return;
    mkdirSync(dirname(target), { recursive: true });
    const temporary = temporaryName(target);
    rmSync(temporary, { force: true });
    make(temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, target);
  }

  /**
   * What a process needs to use it. PULUMI_HOME is ours, for the plugins in it; the user's login and its settings stay
   * where they are, because Pulumi looks for those under PULUMI_CREDENTIALS_PATH first.
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

/** Where the user's Pulumi keeps its login. A PULUMI_HOME in our cache is our own doing, from an outer call. */
export function credentialsFolder(cache: string, env: Environment = process.env): string {
  if (env.PULUMI_CREDENTIALS_PATH) return env.PULUMI_CREDENTIALS_PATH;
  if (env.PULUMI_HOME && !isInside(env.PULUMI_HOME, cache)) return env.PULUMI_HOME;
  return join(env.HOME || homedir(), ".pulumi");
}
