import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, temporaryName } from "./cache";
import { installPackages, isDebian, isRoot, systemName, updateLists } from "./debian";
import { withLock } from "./lock";
import { type Log, elapsed, findAll, lastLine, run, tail, withProgress } from "./run";

/** The default base image. */
export const defaultBase = "debian:trixie-slim";
/** The replacement for the default base image if that cannot be pulled. */
export const ownBase = "pgwright/base:trixie";

// The first line is printed when the registry has answered; the engine's own timeout for that is 15 s, and it tries twice.
const answerMs = 40_000;
const pullMs = 900_000;

/**
 * Returns the image to build from: `base` if given, which is on the engine or can be pulled; otherwise Debian trixie, which is
 * pulled or, if that is not possible, built from Debian's packages.
 */
export async function ensureBaseImage({ log, base }: { log: Log; base?: string }): Promise<string> {
  const name = base ?? defaultBase;
  if (await isPresent(name)) return name;
  // Once built it is kept: a base that changes with the network would replace the image each time.
  if (!base && (await isPresent(ownBase))) return ownBase;
  const reason = await pull(name, log);
  if (!reason) return name;
  if (base) {
    throw new Error(
      `base image ${base}: not on the engine, and cannot be pulled: ${reason}\n` +
        `correct its name, log in with \`docker login\`, load it with \`docker load\`, ` +
        `or remove the base image from the stack file to use ${defaultBase}`,
    );
  }
  log(`${name} cannot be pulled (${reason}); the base image is built from Debian's packages`);
  await withLock(join(cacheFolder(), "base-image.lock"), log, async () => {
    if (!(await isPresent(ownBase))) await buildBase(reason, log);
  });
  return ownBase;
}

async function isPresent(name: string): Promise<boolean> {
  return (await run("docker", ["image", "inspect", "--format", "{{.Id}}", name])).code === 0;
}

/** Pulls an image; returns why that failed, or nothing. */
async function pull(name: string, log: Log): Promise<string | undefined> {
  log(`pulling ${name} ...`);
  const result = await withProgress(log, `pulling ${name}`, () =>
    run("docker", ["pull", name], { firstOutputMs: answerMs, timeoutMs: pullMs }),
  );
  if (result.code === 0) return undefined;
  return result.timedOut ? "the registry does not answer" : lastLine(result.stderr);
}

/** Builds the base image with mmdebstrap. The archive goes through a file, so that a partial one is never imported. */
async function buildBase(reason: string, log: Log): Promise<void> {
  await assertPossible(reason);
  if (findAll("mmdebstrap").length === 0) {
    await updateLists(log);
    await installPackages(["mmdebstrap", "debian-archive-keyring"], log);
  }
  const started = Date.now();
  const folder = cacheFolder();
  mkdirSync(folder, { recursive: true });
  const archive = temporaryName(join(folder, "base-image"));
  try {
    const args = ["--variant=minbase", "--format=tar", "trixie", archive];
    const made = await withProgress(log, `building ${ownBase}`, () => run("mmdebstrap", args));
    if (made.code !== 0) {
      throw new Error(
        `base image: ${defaultBase} cannot be pulled (${reason}), and \`mmdebstrap ${args.join(" ")}\` ended with ` +
          `code ${made.code}:\n${tail(made.stderr)}\n` +
          `mmdebstrap needs a Debian mirror; correct one of the two, or load ${defaultBase} with \`docker load\``,
      );
    }
    const imported = await run("docker", ["import", "--change", 'CMD ["bash"]', archive, ownBase]);
    if (imported.code !== 0) throw new Error(`\`docker import\` of ${ownBase} failed: ${lastLine(imported.stderr)}`);
    log(`built ${ownBase} in ${elapsed(started)}`);
  } finally {
    rmSync(archive, { force: true });
  }
}

/** Throws, with what to do, if the image cannot be built on this machine. */
async function assertPossible(reason: string): Promise<void> {
  const problem = await buildProblem();
  if (!problem) return;
  throw new Error(
    `base image: ${defaultBase} cannot be pulled (${reason}), and cannot be built on this machine: ${problem}; ` +
      `load it with \`docker load\`, or name an image that is on the engine as the base image in the stack file`,
  );
}

async function buildProblem(): Promise<string | undefined> {
  if (process.platform !== "linux" || !isDebian()) return `a build needs Debian or Ubuntu, and this is ${systemName()}`;
  if (!isRoot()) return "a build needs root";
  const engine = (await run("docker", ["version", "--format", "{{.Server.Arch}}"])).stdout.trim();
  const here = process.arch === "x64" ? "amd64" : process.arch;
  if (engine !== here) return `this machine is ${here}, and the engine is ${engine}`;
  return undefined;
}
