import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { temporaryName } from "./cache";
import { Installation } from "./installation";
import { type Log, findAll, lastLine, run, withProgress } from "./run";
import type { Versions } from "./versions";

/** A download that is not available on this machine: the caller tries another source. */
export class Unavailable extends Error {}

const connectSeconds = 5;
const downloadSeconds = 600;

/** The name of Pulumi's release archive for this machine; undefined if none is supported. */
export function archiveName(version: string, platform = process.platform, arch = process.arch): string | undefined {
  if (!["linux", "darwin"].includes(platform) || !["x64", "arm64"].includes(arch)) return undefined;
  return `pulumi-v${version}-${platform}-${arch}.tar.gz`;
}

/** The checksum of `name` in a file with lines of `sha256  name`. */
export function findChecksum(checksums: string, name: string): string | undefined {
  for (const line of checksums.split("\n")) {
    const [sum, file] = line.trim().split(/\s+\*?/);
    if (file === name && sum && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}

/** Downloads Pulumi's release, and with it the plugins. Throws Unavailable if one of them cannot be downloaded. */
export async function download(installation: Installation, versions: Versions, log: Log): Promise<void> {
  const archive = archiveName(versions.pulumi);
  if (!archive) throw new Unavailable(`no release for ${process.platform}-${process.arch}`);
  // A temporary folder is renamed when it is complete, so that a killed run leaves no partial installation.
  const folder = temporaryName(installation.folder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const what = `downloading Pulumi ${versions.pulumi} and its plugins`;
    await withProgress(log, what, async () => {
      await fetchRelease(folder, archive, versions.pulumi, log);
      await installPlugins(new Installation(folder, versions), versions, log);
    });
    rmSync(installation.folder, { recursive: true, force: true });
    renameSync(folder, installation.folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fetchRelease(folder: string, archive: string, version: string, log: Log): Promise<void> {
  const file = join(folder, archive);
  const url = `https://get.pulumi.com/releases/sdk/${archive}`;
  await fetchFile(url, file);
  await verify(file, archive, version, log);
  const unpacked = await run("tar", ["-xzf", file, "-C", folder]);
  if (unpacked.code !== 0) throw new Unavailable(`${url} cannot be unpacked: ${lastLine(unpacked.stderr)}`);
  rmSync(file);
  renameSync(join(folder, "pulumi"), join(folder, "bin"));
  if (!readdirSync(join(folder, "bin")).includes("pulumi")) throw new Unavailable(`${url} does not hold pulumi`);
}

/** Compares the archive with the release's checksums, which come from another host than the archive. */
async function verify(file: string, archive: string, version: string, log: Log): Promise<void> {
  const url = `https://github.com/pulumi/pulumi/releases/download/v${version}/pulumi-${version}-checksums.txt`;
  const checksums = `${file}.checksums`;
  try {
    await fetchFile(url, checksums);
  } catch (error) {
    log(`the checksum of ${archive} is not verified: ${(error as Error).message}`);
    return;
  }
  const wanted = findChecksum(readFileSync(checksums, "utf8"), archive);
  rmSync(checksums);
  if (!wanted) {
    log(`the checksum of ${archive} is not verified: ${url} does not list it`);
    return;
  }
  const found = createHash("sha256").update(readFileSync(file)).digest("hex");
  if (found !== wanted) {
    throw new Error(
      `${archive}: the download has the sha256 ${found}, but ${url} has ${wanted}, so it was changed or damaged in transit; ` +
        `run the command again; if the error remains, check the proxy, or install Pulumi yourself`,
    );
  }
}

async function installPlugins(installation: Installation, versions: Versions, log: Log): Promise<void> {
  const env = { PULUMI_HOME: installation.home, PULUMI_SKIP_UPDATE_CHECK: "true" };
  for (const [name, version] of Object.entries(versions.plugins)) {
    log(`installing the plugin ${name} ${version} ...`);
    const args = ["plugin", "install", "resource", name, version, "--non-interactive"];
    const result = await run(installation.command, args, { env, timeoutMs: downloadSeconds * 1000 });
    if (result.code !== 0) {
      throw new Unavailable(`\`pulumi ${args.join(" ")}\` failed: ${lastLine(result.stderr || result.stdout)}`);
    }
  }
  if (!installation.isComplete()) throw new Unavailable("the download lacks a program");
}

/** Downloads a file with curl, which supports proxies, or with Node if curl is missing. */
async function fetchFile(url: string, file: string): Promise<void> {
  const curl = findAll("curl")[0];
  if (curl) {
    const limits = ["--connect-timeout", `${connectSeconds}`, "--max-time", `${downloadSeconds}`];
    // Less than 1 kB/s for half a minute counts as a dead connection.
    const speed = ["--speed-limit", "1000", "--speed-time", "30"];
    const result = await run(curl, ["-fsSL", ...limits, ...speed, "-o", file, url]);
    if (result.code !== 0) throw new Unavailable(`${url}: ${lastLine(result.stderr)}`);
    return;
  }
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), connectSeconds * 1000);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(timer);
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(file), {
      signal: AbortSignal.timeout(downloadSeconds * 1000),
    });
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Unavailable(`${url}: ${cause instanceof Error ? cause.message : message}`);
  } finally {
    clearTimeout(timer);
  }
}
