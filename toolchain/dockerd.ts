import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Log, elapsed, findAll, tail } from "./run";

/** The files of one engine, so that a second one can be started beside the first. */
export interface EngineFiles {
  /** The engine's own pid file. */
  pidFile: string;
  /** Where the engine keeps what lives as long as it does. */
  execRoot: string;
  /** The socket of a containerd that the system runs; undefined if the engine starts its own in any case. */
  containerdSocket?: string;
  /** The engine's output. */
  logFile: string;
  /** Additional arguments. */
  args: string[];
}

/** The files of an engine that is started without any option. */
export const systemFiles: EngineFiles = {
  pidFile: "/var/run/docker.pid",
  execRoot: "/var/run/docker",
  containerdSocket: "/run/containerd/containerd.sock",
  logFile: "/var/log/pgwright-dockerd.log",
  args: [],
};

const sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin"];

/** The engine's program: it is often outside of a user's PATH. */
export function findDockerd(): string | undefined {
  return findAll("dockerd", sbin)[0];
}

/**
 * Starts an engine that outlives us and returns when `answers` does, in 60 s at most. Without systemd, that is: in a
 * container, a small virtual machine or WSL.
 */
export async function startDockerd(files: EngineFiles, answers: () => Promise<boolean>, log: Log): Promise<void> {
  const dockerd = findDockerd();
  if (!dockerd) throw new Error("dockerd is not installed: install Docker's engine, then run the command again.");
  await removeLeftovers(files, log);
  const running = alivePid(files.pidFile, "dockerd");
  if (running) {
    // Somebody else is starting one, or it hangs. It is not ours to end.
    log(`dockerd runs already as process ${running}, waiting until it answers`);
    if (await poll(answers, () => alivePid(files.pidFile, "dockerd") !== undefined)) return;
    throw new Error(
      `dockerd (process ${running}, from ${files.pidFile}) does not answer. ` +
        `Look at its log, or end it by \`kill ${running}\` and run the command again.`,
    );
  }
  mkdirSync(dirname(files.logFile), { recursive: true });
  const offset = existsSync(files.logFile) ? statSync(files.logFile).size : 0;
  const output = openSync(files.logFile, "a");
  log(`starting dockerd (its log: ${files.logFile}) ...`);
  const started = Date.now();
  const child = spawn(dockerd, files.args, {
    detached: true,
    stdio: ["ignore", output, output],
    cwd: "/",
    // It calls iptables, which is outside of many a PATH.
    env: { ...process.env, PATH: [process.env.PATH, ...sbin].filter(Boolean).join(":"), DOCKER_HOST: undefined },
  });
  closeSync(output);
  let ended: string | undefined;
  child.on("error", (error) => (ended = error.message));
  child.on("exit", (code, signal) => (ended = signal ? `ended by ${signal}` : `ended with code ${code}`));
  const ready = await poll(answers, () => ended === undefined);
  child.unref();
  if (ready) {
    log(`dockerd answers after ${elapsed(started)}`);
    return;
  }
  const said = readFileSync(files.logFile).subarray(offset).toString();
  throw new Error(
    `${dockerd} ${ended ?? `(process ${child.pid}) does not answer after ${elapsed(started)}`}. ` +
      `The end of its log, ${files.logFile}:\n${tail(said)}\n` +
      `If this is a container, it has to be a privileged one; or let DOCKER_HOST point to an engine elsewhere.`,
  );
}

/** Polls until `answers`, for 60 s and as long as there is somebody to answer. */
async function poll(answers: () => Promise<boolean>, alive: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (await answers()) return true;
    if (!alive() || Date.now() > deadline) return false;
    await sleep(300);
  }
}

/**
 * Removes what killed engines leave and what makes the next one fail: pid files whose process is gone or is another
 * program by now (engines before 23 take any process for themselves), and the socket of a system's containerd that
 * nobody listens on (dockerd would wait for it instead of starting its own). A containerd of the engine's own that
 * outlived it is left alone: dockerd takes it over, with the containers that still run under it.
 */
async function removeLeftovers(files: EngineFiles, log: Log): Promise<void> {
  const pidFiles: [string, string][] = [
    [files.pidFile, "dockerd"],
    [join(files.execRoot, "containerd", "containerd.pid"), "containerd"],
  ];
  for (const [file, program] of pidFiles) {
    if (existsSync(file) && alivePid(file, program) === undefined) {
      log(`removing ${file}, which a killed ${program} left`);
      rmSync(file, { force: true });
    }
  }
  const socket = files.containerdSocket;
  if (socket && existsSync(socket) && !(await isListening(socket))) {
    log(`removing ${socket}, which a killed containerd left`);
    rmSync(socket, { force: true });
  }
}

/** The pid in `file` if it is of a living process of `program`. */
export function alivePid(file: string, program: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8").trim());
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    const comm = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
    // The executable tells it even if the process was renamed; a zombie has none.
    const executable = basename(readlinkSync(`/proc/${pid}/exe`)).replace(/ \(deleted\)$/, "");
    return comm === program || executable === program ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const end = (listening: boolean) => {
      connection.destroy();
      resolve(listening);
    };
    connection.on("connect", () => end(true));
    connection.on("error", () => end(false));
  });
}
