import { existsSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineFiles } from "./engine-files";
import type { Log } from "./run";

/**
 * Removes leftovers of killed engines that make the next one fail:
 * - pid files whose process has ended or is another program now (engines before 23 mistake any process for an engine);
 * - the engine's own containerd if it outlived the engine: it holds the lock of its database, for which the next one would
 *   wait in vain. Containers do not run under it but under shims, which outlive it;
 * - the socket of the system's containerd if no process listens on it: the engine would wait for it instead of starting its own.
 */
export async function removeLeftovers(files: EngineFiles, log: Log): Promise<void> {
  if (alivePid(files.pidFile, "dockerd") === undefined) {
    removeFile(files.pidFile, log);
    for (const pid of orphans(files.execRoot)) {
      log(`ending process ${pid}, a containerd that a killed dockerd left`);
      await end(pid);
    }
  }
  const containerdPid = join(files.execRoot, "containerd", "containerd.pid");
  if (alivePid(containerdPid, "containerd") === undefined) removeFile(containerdPid, log);
  const socket = files.containerdSocket;
  if (socket && existsSync(socket) && !(await isListening(socket))) removeFile(socket, log);
}

function removeFile(file: string, log: Log): void {
  if (!existsSync(file)) return;
  log(`removing ${file}, which a killed engine left`);
  rmSync(file, { force: true });
}

/** The pid in `file` if it is that of a running process of `program`. */
export function alivePid(file: string, program: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8").trim());
    return Number.isInteger(pid) && pid > 0 && isProgram(pid, program) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process runs that program. A zombie does not count. */
function isProgram(pid: number, program: string): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (/^State:\s+[ZX]/m.test(status)) return false;
    if (/^Name:\s+(.*)$/m.exec(status)?.[1] === program) return true;
    return basename(readlinkSync(`/proc/${pid}/exe`)) === program;
  } catch {
    return false;
  }
}

/** Processes of containerd that an engine with this folder started, and whose parent is no longer an engine. */
function orphans(execRoot: string): number[] {
  const config = withoutVar(join(execRoot, "containerd", "containerd.toml"));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    if (!isProgram(pid, "containerd")) return false;
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const parent = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      return args.some((arg) => withoutVar(arg) === config) && !isProgram(parent, "dockerd");
    } catch {
      return false;
    }
  });
}

/** The path without the old name /var/run of /run. */
function withoutVar(path: string): string {
  return path.replace(/^\/var\/run\//, "/run/");
}

async function end(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGTERM");
    for (const started = Date.now(); Date.now() - started < 10_000; await sleep(100)) {
      if (!isProgram(pid, "containerd")) return;
    }
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended.
  }
}

function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const done = (listening: boolean) => {
      connection.destroy();
      resolve(listening);
    };
    connection.on("connect", () => done(true));
    connection.on("error", () => done(false));
  });
}
