import { join } from "node:path";
import { build, buildKey } from "./build";
import { cacheFolder, isInside, keyOf, sweep } from "./cache";
import { Unavailable, download } from "./download";
import { Installation, QUICK } from "./installation";
import { withLock } from "./lock";
import { type Log, elapsed, findAll, run } from "./run";
import { type Versions, checkout, isAtLeast, readVersions } from "./versions";

/** A Pulumi that can be run. */
export interface Pulumi {
  /** The absolute path of pulumi. */
  command: string;
  /** Additions to the environment of pulumi and of the process that starts it. */
  env: Record<string, string>;
  /** Its source: PATH, Pulumi's downloads, or the Go modules in this folder. */
  source: "path" | "installed" | "built";
}

/**
 * Finds or installs a Pulumi with the plugins that the project needs: the one on PATH if it is new enough, then one in the cache,
 * then Pulumi's own downloads, then a build from Go modules. The last two happen once a machine.
 */
export async function ensurePulumi({ log }: { log: Log }): Promise<Pulumi> {
  const versions = readVersions();
  const cache = cacheFolder();
  const own = await findOnPath(versions.pulumi, cache, log);
  if (own) return { command: own, env: QUICK, source: "path" };
  if (process.platform === "win32") {
    throw new Error(
      `pulumi: version ${versions.pulumi} or newer is not on PATH; install it from https://www.pulumi.com/docs/install ` +
        `(on Windows, pgwright does not install it) and open a new terminal`,
    );
  }
  const found = findInCache(cache, versions);
  if (found) return found;
  return withLock(join(cache, "pulumi.lock"), log, async () => {
    // The previous holder of the lock may have installed it.
    const made = findInCache(cache, versions);
    if (made) return made;
    // Before, to free disk space; after, since a compiler that outlives its killed parent still writes its file.
    sweepAll(cache);
    await install(cache, versions, log);
    sweepAll(cache);
    return findInCache(cache, versions) ?? fail(cache);
  });
}

/** The first pulumi on PATH that is new enough. One in the cache, which an outer call may have added to PATH, is skipped. */
async function findOnPath(minimum: string, cache: string, log: Log): Promise<string | undefined> {
  for (const command of findAll("pulumi")) {
    if (isInside(command, cache)) continue;
    const result = await run(command, ["version"], {
      env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeoutMs: 10_000,
    });
    const version = result.stdout.trim();
    if (result.code === 0 && isAtLeast(version, minimum)) return command;
    log(`${command}: not used, its version is ${version || "unknown"}; ${minimum} or newer is needed`);
  }
  return undefined;
}

function sweepAll(cache: string): void {
  sweep(cache);
  sweep(join(cache, "programs"));
}

function installations(cache: string, versions: Versions): Record<"installed" | "built", Installation> {
  const { platform, arch } = process;
  const downloaded = keyOf([platform, arch, versions.pulumi, JSON.stringify(versions.plugins)]);
  const built = buildKey(versions, join(checkout, "toolchain"));
  return {
    installed: new Installation(join(cache, `installed-${downloaded}`), versions),
    built: new Installation(join(cache, `built-${built}`), versions),
  };
}

function findInCache(cache: string, versions: Versions): Pulumi | undefined {
  const { installed, built } = installations(cache, versions);
  const [installation, source] = installed.isComplete() ? [installed, "installed" as const] : [built, "built" as const];
  if (!installation.isComplete()) return undefined;
  installation.silence();
  return { command: installation.command, env: installation.environment(cache), source };
}

async function install(cache: string, versions: Versions, log: Log): Promise<void> {
  const { installed, built } = installations(cache, versions);
  const started = Date.now();
  log(`Pulumi ${versions.pulumi}: not on this machine yet; installing it into ${cache}`);
  try {
    await download(installed, versions, log);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    log(`Pulumi cannot be downloaded (${error.message}); building it from Go modules, which takes up to 10 minutes`);
    await build(built, {
      versions,
      sources: join(checkout, "toolchain"),
      store: join(cache, "programs"),
      log,
    });
  }
  log(`Pulumi ${versions.pulumi} and its plugins are ready (${elapsed(started)})`);
}

function fail(cache: string): never {
  throw new Error(`${cache}: files were removed while Pulumi was installed there; run the command again`);
}
