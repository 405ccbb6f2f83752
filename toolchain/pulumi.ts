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
  /** What to add to the environment of pulumi and of what starts it. */
  env: Record<string, string>;
  /** Where it is from: the user's own, Pulumi's downloads, or the Go modules in this folder. */
  source: "path" | "installed" | "built";
}

/**
 * Finds or makes a Pulumi with the plugins that the project needs: the one on PATH if it is new enough, then an earlier
 * result of ours, then Pulumi's own downloads, then a build from Go modules. The last two are done once a machine.
 */
export async function ensurePulumi({ log }: { log: Log }): Promise<Pulumi> {
  const versions = readVersions();
  const cache = cacheFolder();
  const own = await findOnPath(versions.pulumi, cache, log);
  if (own) return { command: own, env: QUICK, source: "path" };
  if (process.platform === "win32") {
    throw new Error(
      `No pulumi ${versions.pulumi} or newer is on PATH. Install it from https://www.pulumi.com/docs/install ` +
        `(on Windows it is not installed for you) and open a new terminal.`,
    );
  }
  const found = findInCache(cache, versions);
  if (found) return found;
  return withLock(join(cache, "pulumi.lock"), log, async () => {
    // Whoever held the lock before has done the work.
    const made = findInCache(cache, versions);
    if (made) return made;
    // Before for the room, and after because a compiler that outlives its killed parent still finishes its file.
    sweepAll(cache);
    await install(cache, versions, log);
    sweepAll(cache);
    return findInCache(cache, versions) ?? fail(cache);
  });
}

/** The first pulumi on PATH that is new enough and not one of ours, which an outer call may have put there. */
async function findOnPath(minimum: string, cache: string, log: Log): Promise<string | undefined> {
  for (const command of findAll("pulumi")) {
    if (isInside(command, cache)) continue;
    const result = await run(command, ["version"], {
      env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeoutMs: 10_000,
    });
    const version = result.stdout.trim();
    if (result.code === 0 && isAtLeast(version, minimum)) return command;
    log(`${command} is not used: it is ${version || "broken"}, and ${minimum} or newer is needed`);
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
  log(`Pulumi ${versions.pulumi} is not on this machine yet; it is put into ${cache}, once`);
  try {
    await download(installed, versions, log);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    log(`Pulumi cannot be downloaded (${error.message}); it is built from Go modules, in 10 minutes or less`);
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
  throw new Error(`Something removed files from ${cache} while Pulumi was put there. Run the command again.`);
}
