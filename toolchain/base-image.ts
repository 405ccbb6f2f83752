import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, temporaryName } from "./cache";
import { installPackages, isDebian, isRoot, systemName, updateLists } from "./debian";
import { withLock } from "./lock";
import { type Log, elapsed, findAll, lastLine, run, tail, withProgress } from "./run";

/** What the image is built from unless the stack says otherwise. */
export const defaultBase = "debian:trixie-slim";
/** What stands in for it where it cannot be pulled. */
export const ownBase = "pgwright/base:trixie";

// The first line comes when the registry has answered; the engine's own time-out for that is 15 s, and it tries twice.
const answerMs = 40_000;
const pullMs = 900_000;

/**
 * The image to build from: `base` if given, which has to be there or to be pulled; otherwise Debian trixie, which is
 * pulled or, where that is not possible, made from Debian's packages.
 */
export async function ensureBaseImage({ log, base }: { log: Log; base?: string }): Promise<string> {
  const name = base ?? defaultBase;
  if (await isPresent(name)) return name;
  // Once made it is kept: a base that comes and goes with the network would replace the image each time.
  if (!base && (await isPresent(ownBase))) return ownBase;
  const reason = await pull(name, log);
  if (!reason) return name;
  if (base) {
    throw new Error(
      `The base image ${base} is not on the engine and cannot be pulled: ${reason}\n` +
        `Correct its name, log in by \`docker login\`, or bring it here by \`docker load\`; ` +
        `or leave the base image out of the stack file, and ${defaultBase} is used.`,
    );
  }
  log(`${name} cannot be pulled (${reason}); the base image is made from Debian's packages`);
  await withLock(join(cacheFolder(), "base-image.lock"), log, async () => {
    if (!(await isPresent(ownBase))) await make(reason, log);
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

/** Makes the base image by mmdebstrap. The archive goes through a file, so that half of one is never imported. */
async function make(reason: string, log: Log): Promise<void> {
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
    const made = await withProgress(log, `making ${ownBase}`, () => run("mmdebstrap", args));
    if (made.code !== 0) {
      throw new Error(
        `No base image: ${defaultBase} cannot be pulled (${reason}), and \`mmdebstrap ${args.join(" ")}\` ended with ` +
          `code ${made.code}:\n${tail(made.stderr)}\n` +
          `It needs a Debian mirror. Mend one of the two, or bring ${defaultBase} here by \`docker load\`.`,
      );
    }
    const imported = await run("docker", ["import", "--change", 'CMD ["bash"]', archive, ownBase]);
    if (imported.code !== 0) throw new Error(`\`docker import\` of ${ownBase} failed: ${lastLine(imported.stderr)}`);
    log(`made ${ownBase} in ${elapsed(started)}`);
  } finally {
    rmSync(archive, { force: true });
  }
}

/** Throws what to do on a machine where the image cannot be made. */
async function assertPossible(reason: string): Promise<void> {
  const problem = await impossible();
  if (!problem) return;
  throw new Error(
    `No base image: ${defaultBase} cannot be pulled (${reason}), and it cannot be made here: ${problem}. ` +
      `Bring it to the engine by \`docker load\`, or name one that is there as the base image in the stack file.`,
  );
}

async function impossible(): Promise<string | undefined> {
  if (process.platform !== "linux" || !isDebian()) return `that takes Debian or Ubuntu, and this is ${systemName()}`;
  if (!isRoot()) return "that takes root";
  const engine = (await run("docker", ["version", "--format", "{{.Server.Arch}}"])).stdout.trim();
  const here = process.arch === "x64" ? "amd64" : process.arch;
  if (engine !== here) return `this machine is ${here}, and the engine is ${engine}`;
  return undefined;
}
