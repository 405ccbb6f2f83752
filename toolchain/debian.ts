import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Log, elapsed, run, tail, withProgress } from "./run";

const lockSeconds = 300;

/** Whether this is Debian, Ubuntu or a derivative, by /etc/os-release. */
export function isDebian(release = readRelease()): boolean {
  const family = /^ID(?:_LIKE)?=(.*)$/gm;
  return [...release.matchAll(family)].some(([, value]) => /\b(debian|ubuntu)\b/.test(value ?? ""));
}

/** The name of the operating system, for messages. */
export function systemName(release = readRelease()): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? process.platform;
}

function readRelease(): string {
  return existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
}

/** Whether this process can install packages. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether the package lists of this system contain a package. */
export async function packageExists(name: string): Promise<boolean> {
  const result = await run("apt-cache", ["policy", name]);
  return /Candidate: (?!\(none\))/.test(result.stdout);
}

/** Updates the package lists. A failure is only logged, since the old lists may suffice. */
export async function updateLists(log: Log): Promise<void> {
  const result = await apt(["update", "-q"], "updating the package lists", log);
  if (result.code !== 0) log(`apt-get update: failed, the old lists are used:\n${tail(result.stderr, 5)}`);
}

/** Installs packages without recommended ones, and without removing any. */
export async function installPackages(names: readonly string[], log: Log): Promise<void> {
  const started = Date.now();
  const what = `installing ${names.join(" ")}`;
  log(`${what} ...`);
  // A conflicting package would be another container runtime, which must not be removed silently.
  const args = ["install", "-q", "-y", "--no-install-recommends", "--no-remove", ...names];
  const result = await apt(args, what, log);
  if (result.code !== 0) {
    throw new Error(
      `apt-get ${args.join(" ")}: ended with code ${result.code}:\n${tail(result.stderr || result.stdout)}\n` +
        `correct the cause, or install ${names.join(" and ")} yourself, and run the command again`,
    );
  }
  log(`installed ${names.join(" ")} in ${elapsed(started)}`);
}

/** Runs apt-get. It waits for dpkg's lock itself, but fails at once if the package lists are locked: then this function retries. */
async function apt(args: string[], what: string, log: Log): Promise<Awaited<ReturnType<typeof run>>> {
  const started = Date.now();
  const options = ["-o", `DPkg::Lock::Timeout=${lockSeconds}`, "-o", "APT::Color=0"];
  for (;;) {
    const result = await withProgress(log, what, () =>
      run("apt-get", [...options, ...args], { env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" } }),
    );
    const locked = result.code !== 0 && /Could not get lock|Unable to lock/.test(result.stderr);
    if (!locked || Date.now() - started > lockSeconds * 1000) return result;
    log(`${what}: another apt is running, waiting (${elapsed(started)})`);
    await sleep(5_000);
  }
}
