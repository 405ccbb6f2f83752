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
  /** Where it listens: what DOCKER_HOST or the current context of the CLI says. */
  host: string;
}

type Answer = { ok: true; version: string } | { ok: false; reason: string };

const localSocket = /^unix:\/\/(\/var)?\/run\/docker\.sock$/;
const defaultHost = "unix:///var/run/docker.sock";
const engineGuide = "https://docs.docker.com/engine/install";

/**
 * Finds an engine that answers, by DOCKER_HOST or the CLI's context. Where there is none and none is pointed to, it is
 * started, and on Debian or Ubuntu installed before that, if we are root. An engine elsewhere is never touched.
 */
export async function ensureEngine({ log }: { log: Log }): Promise<Engine> {
  const answer = await ask();
  const host = await endpoint();
  if (answer.ok) return { version: answer.version, host };
  assertOurs(host, answer.reason);
  return withLock(join(cacheFolder(), "engine.lock"), log, async () => {
    const again = await ask();
    if (again.ok) return { version: again.version, host };
    await installMissing(answer.reason, log);
    await start(log);
    const last = await ask();
    if (!last.ok) throw new Error(`The engine was started but does not answer: ${last.reason}`);
    log(`Docker's engine ${last.version} is ready`);
    return { version: last.version, host };
  });
}

/** Throws what the user has to do where we must not, or cannot, start an engine. */
function assertOurs(host: string, reason: string): void {
  if (!localSocket.test(host)) {
    const from = process.env.DOCKER_HOST ? "DOCKER_HOST" : "the current context of the docker command";
    const away = process.env.DOCKER_HOST ? "unset DOCKER_HOST" : "choose another by `docker context use default`";
    throw new Error(
      `The Docker engine at ${host}, given by ${from}, does not answer: ${reason}\n` +
        `Start it or mend the way to it; or ${away} to use an engine on this machine.`,
    );
  }
  if (/permission denied/i.test(reason)) {
    throw new Error(
      `A Docker engine is at ${host}, but this user may not use it: ${reason}\n` +
        `Join its group (\`sudo usermod -aG docker $USER\`, then log in again), or run the command as root.`,
    );
  }
  if (process.platform !== "linux") {
    throw new Error(
      `No Docker engine answers at ${host}: ${reason}\n` +
        `Start Docker Desktop (or install it: https://docs.docker.com/desktop), or let DOCKER_HOST point to an engine.`,
    );
  }
  if (!isRoot()) {
    const start = findDockerd() ? "Start it (`sudo systemctl start docker`)" : `Install one (${engineGuide})`;
    throw new Error(
      `No Docker engine answers at ${host}: ${reason}\n` +
        `${start}, run the command once as root, which does it for you on Debian and Ubuntu, ` +
        `or let DOCKER_HOST point to an engine.`,
    );
  }
}

async function installMissing(reason: string, log: Log): Promise<void> {
  const hasCommand = findAll("docker").length > 0;
  const hasEngine = findDockerd() !== undefined;
  if (hasCommand && hasEngine) return;
  if (!isDebian()) {
    throw new Error(
      `No Docker engine answers on this machine (${systemName()}): ${reason}\n` +
        `Install one: ${engineGuide}. On Debian and Ubuntu it is done for you.`,
    );
  }
  await updateLists(log);
  if (!hasEngine) await installPackages(["docker.io"], log);
  // In newer releases the command is a package of its own, which the engine only recommends.
  if (findAll("docker").length === 0 && (await packageExists("docker-cli"))) await installPackages(["docker-cli"], log);
  if (findAll("docker").length === 0) {
    throw new Error(`The command docker is still not on PATH after the installation. Install it: ${engineGuide}`);
  }
}

async function start(log: Log): Promise<void> {
  // The package may have started it.
  if ((await ask()).ok) return;
  const answers = async () => (await ask()).ok;
  if (!existsSync("/run/systemd/system")) return startDockerd(systemFiles, answers, log);
  log("starting the service docker ...");
  const result = await run("systemctl", ["start", "docker.service"], { timeoutMs: 90_000 });
  if (result.code === 0) return;
  const journal = await run("journalctl", ["-u", "docker.service", "-n", "15", "--no-pager", "-o", "cat"]);
  throw new Error(
    `\`systemctl start docker.service\` failed: ${lastLine(result.stderr)}\n${tail(journal.stdout)}\n` +
      `Mend that and run the command again.`,
  );
}

/** Asks the engine that the command line would use. */
async function ask(): Promise<Answer> {
  if (findAll("docker").length === 0) return { ok: false, reason: "the command docker is not on PATH" };
  const result = await run("docker", ["version", "--format", "{{.Server.Version}}"], { timeoutMs: 20_000 });
  const version = result.stdout.trim();
  if (result.code === 0 && version && version !== "<no value>") return { ok: true, version };
  return { ok: false, reason: result.timedOut ? "no answer in 20 s" : lastLine(result.stderr) };
}

/** Where the engine listens. */
async function endpoint(): Promise<string> {
  if (process.env.DOCKER_HOST) return process.env.DOCKER_HOST;
  if (findAll("docker").length === 0) return defaultHost;
  const result = await run("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return (result.code === 0 && result.stdout.trim()) || defaultHost;
}
