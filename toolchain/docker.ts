import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache";
import { installPackages, isDebian, isRoot, packageExists, systemName, updateLists } from "./debian";
import { findDockerd, startDockerd } from "./dockerd";
import { systemFiles } from "./engine-files";
import { withLock } from "./lock";
import { type Log, findAll, lastLine, run, tail } from "./run";

/** A Docker engine that answers. */
export interface Engine {
  /** The engine's version. */
  version: string;
  /** Its address, by DOCKER_HOST or the current context of the CLI. */
  host: string;
}

type Answer = { ok: true; version: string } | { ok: false; reason: string };

const localSocket = /^unix:\/\/(\/var)?\/run\/docker\.sock$/;
const defaultHost = "unix:///var/run/docker.sock";
const engineGuide = "https://docs.docker.com/engine/install";

/**
 * Finds an engine that answers, by DOCKER_HOST or the CLI's context. If none answers at the default socket and this process is root,
 * it starts one, and installs it first on Debian or Ubuntu. An engine at another address is never started.
 */
export async function ensureEngine({ log }: { log: Log }): Promise<Engine> {
  const answer = await ask();
  const host = await endpoint();
  if (answer.ok) return { version: answer.version, host };
  assertStartable(host, answer.reason);
  return withLock(join(cacheFolder(), "engine.lock"), log, async () => {
    const again = await ask();
    if (again.ok) return { version: again.version, host };
    await installMissing(answer.reason, log);
    await start(log);
    const last = await ask();
    if (!last.ok) throw new Error(`Docker engine: was started, but does not answer: ${last.reason}`);
    log(`Docker engine ${last.version} is ready`);
    return { version: last.version, host };
  });
}

/** Throws, with what to do, if this process must not or cannot start an engine. */
function assertStartable(host: string, reason: string): void {
  if (!localSocket.test(host)) {
    const from = process.env.DOCKER_HOST ? "DOCKER_HOST" : "the current context of the docker command";
    const alternative = process.env.DOCKER_HOST ? "unset DOCKER_HOST" : "run `docker context use default`";
    throw new Error(
      `Docker engine at ${host}, given by ${from}: does not answer: ${reason}\n` +
        `start it or correct the address; or ${alternative} to use an engine on this machine`,
    );
  }
  if (/permission denied/i.test(reason)) {
    throw new Error(
      `Docker engine at ${host}: this user has no permission: ${reason}\n` +
        `join its group (\`sudo usermod -aG docker $USER\`, then log in again), or run the command as root`,
    );
  }
  if (process.platform !== "linux") {
    throw new Error(
      `Docker engine at ${host}: does not answer: ${reason}\n` +
        `start Docker Desktop (or install it: https://docs.docker.com/desktop), or set DOCKER_HOST to another engine`,
    );
  }
  if (!isRoot()) {
    const start = findDockerd() ? "start it (`sudo systemctl start docker`)" : `install one (${engineGuide})`;
    throw new Error(
      `Docker engine at ${host}: does not answer: ${reason}\n` +
        `${start}, run the command once as root, which does it for you on Debian and Ubuntu, ` +
        `or set DOCKER_HOST to another engine`,
    );
  }
}

async function installMissing(reason: string, log: Log): Promise<void> {
  const hasCommand = findAll("docker").length > 0;
  const hasEngine = findDockerd() !== undefined;
  if (hasCommand && hasEngine) return;
  if (!isDebian()) {
    throw new Error(
      `Docker engine: none answers on this machine (${systemName()}): ${reason}\n` +
        `install one: ${engineGuide} (on Debian and Ubuntu, this command installs it)`,
    );
  }
  await updateLists(log);
  if (!hasEngine) await installPackages(["docker.io"], log);
  // In newer releases the CLI is a separate package, which the engine only recommends.
  if (findAll("docker").length === 0 && (await packageExists("docker-cli"))) await installPackages(["docker-cli"], log);
  if (findAll("docker").length === 0) {
    throw new Error(`docker: not on PATH after the installation; install it: ${engineGuide}`);
  }
}

async function start(log: Log): Promise<void> {
  // The installation of the package may have started it.
  if ((await ask()).ok) return;
  const answers = async () => (await ask()).ok;
  if (!existsSync("/run/systemd/system")) return startDockerd(systemFiles, answers, log);
  log("starting the service docker ...");
  const result = await run("systemctl", ["start", "docker.service"], { timeoutMs: 90_000 });
  if (result.code === 0) return;
  const journal = await run("journalctl", ["-u", "docker.service", "-n", "15", "--no-pager", "-o", "cat"]);
  throw new Error(
    `\`systemctl start docker.service\`: failed: ${lastLine(result.stderr)}\n${tail(journal.stdout)}\n` +
      `correct the cause and run the command again`,
  );
}

/** Contacts the engine that the docker command would use. */
async function ask(): Promise<Answer> {
  if (findAll("docker").length === 0) return { ok: false, reason: "the command docker is not on PATH" };
  const result = await run("docker", ["version", "--format", "{{.Server.Version}}"], { timeoutMs: 20_000 });
  const version = result.stdout.trim();
  if (result.code === 0 && version && version !== "<no value>") return { ok: true, version };
  return { ok: false, reason: result.timedOut ? "no answer in 20 s" : lastLine(result.stderr) };
}

/** The address of the engine. */
async function endpoint(): Promise<string> {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  if (findAll("docker").length === 0) return defaultHost;
  const result = await run("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return (result.code === 0 && result.stdout.trim()) || defaultHost;
}
