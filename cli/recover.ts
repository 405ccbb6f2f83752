import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, type Host } from "../provider/host";
import { ensureEngine } from "../toolchain/docker";
import { isRunning } from "../toolchain/lock";
import { log } from "./print";
import { locksFolder, Project, removePartialFiles, ROOT, type Deployment, type PendingOperation } from "./project";
import { hostOf } from "./server";

// A killed run leaves the lock of a local state, and pending operations with an unknown outcome.

/** The engine completes requests of a killed client; creating a network takes about two seconds. */
const ENGINE_CATCHES_UP_MS = 3000;

/** Opens the project for a change of a stack, which exists afterwards, and recovers its state. */
export async function openForChange(stack: string): Promise<Project> {
  await ensureEngine({ log });
  const project = await Project.open(stack);
  await project.ensureStack(stack);
  await recoverInterrupted(project, stack);
  return project;
}

/** Recovers the state after a killed run: removes its lock and its pending operations. Does nothing after any other run. */
async function recoverInterrupted(project: Project, stack: string): Promise<void> {
  await endOrphans();
  if (project.backend.folder && lockIsStale(project.backend.folder, stack)) {
    log("an earlier run was killed; its lock is removed");
    removePartialFiles(project.backend.folder, stack);
    const { code, stderr } = await project.capture(["cancel", "--yes", "--stack", stack]);
    if (code !== 0) throw new Error(`the lock of the killed run could not be removed: ${stderr.trim()}`);
  }
  const { pending_operations: pending = [] } = await project.deployment(stack);
  if (pending.length === 0) return;

  for (const { type, resource } of pending) if (type === "creating") await removeUnrecorded(resource, stack);
  const exported = await project.capture(["stack", "export", "--stack", stack]);
  if (exported.code !== 0) throw new Error(exported.stderr.trim());
  const checkpoint = JSON.parse(exported.stdout) as { deployment: Deployment };
  delete checkpoint.deployment.pending_operations;
  const { code, stderr } = await project.capture(["stack", "import", "--stack", stack], JSON.stringify(checkpoint));
  if (code !== 0)
    throw new Error(`the pending operations of the killed run could not be removed from the state: ${stderr.trim()}`);
}

/**
 * Pulumi runs the program and each plugin in a process of its own. These processes do not notice that Pulumi was killed: the
 * program even keeps calling it, with a whole CPU and ever more memory. Processes of this checkout are recognized by their working
 * directory, orphans by the address of a Pulumi that does not answer.
 */
async function endOrphans(): Promise<void> {
  for (const pid of existsSync("/proc") ? readdirSync("/proc").filter((name) => /^\d+$/.test(name)) : []) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      const isPulumis = command.some((part) =>
        /@pulumi\/pulumi\/cmd\/run|pulumi-(resource|language)-|provider\/main\.ts$/.test(part),
      );
      const [, host = "", port] = command.map((part) => /^([\d.]+):(\d+)$/.exec(part)).find(Boolean) ?? [];
      if (!isPulumis || !port || readlinkSync(`/proc/${pid}/cwd`) !== ROOT || (await answers(host, Number(port))))
        continue;
      log(`ending process ${pid}, which a killed run has left behind`);
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // the process has ended, or belongs to another user
    }
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => end(true));
    socket.on("timeout", () => end(true)); // in doubt, the process is not ended
    socket.on("error", () => end(false));
  });
}

interface LockHolder {
  pid: number;
  hostname: string;
}

/** The processes that hold a lock of a stack in a local state. */
function lockHolders(state: string, stack: string): LockHolder[] {
  const folder = locksFolder(state, stack);
  if (!existsSync(folder)) return [];
  const locks = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return locks.map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as LockHolder);
}

const hasEnded = ({ pid, hostname: host }: LockHolder) => host === hostname() && !isRunning(pid);
const lockIsStale = (state: string, stack: string) => lockHolders(state, stack).some(hasEnded);

/** Whether a run is changing a stack of a local state. */
export const isAtWork = ({ backend: { folder } }: Project, stack: string): boolean =>
  folder !== undefined && lockHolders(folder, stack).some((holder) => !hasEnded(holder));

function isPulumi(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  const command = existsSync(file)
    ? readFileSync(file, "utf8")
    : spawnSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  return /pulumi/.test(command);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // ESRCH: the process has ended
  }
}

/** Ends the run that is changing a stack of a local state, and removes its lock. True if there was a lock, also of a killed run. */
export async function endRun(project: Project, stack: string): Promise<boolean> {
  const { folder } = project.backend;
  const holders = folder ? lockHolders(folder, stack) : [];
  if (holders.length === 0) return false;
  for (const holder of holders.filter((each) => !hasEnded(each))) {
    if (holder.hostname !== hostname())
      throw new Error(
        `stack ${stack}: process ${holder.pid} on ${holder.hostname} is changing it; end that process first`,
      );
    if (!isPulumi(holder.pid)) continue; // another program has reused the pid of the killed run
    log(`ending process ${holder.pid}, which is changing stack ${stack}`);
    end(holder.pid);
    while (!hasEnded(holder)) await sleep(50);
  }
  await endOrphans();
  if (folder) removePartialFiles(folder, stack);
  const { code, stderr } = await project.capture(["cancel", "--yes", "--stack", stack]);
  if (code !== 0) throw new Error(`the lock of the run that was ended could not be removed: ${stderr.trim()}`);
  await sleep(ENGINE_CATCHES_UP_MS);
  return true;
}

/**
 * Removes an object that the killed run was creating. It may exist, but the state does not have it, so that creating it again would
 * fail. It is still empty. Objects inside PostgreSQL need no removal: they are adopted if they exist.
 */
async function removeUnrecorded({ type, inputs }: PendingOperation["resource"], stack: string): Promise<void> {
  const host = hostOf(stack);
  const name = String(inputs?.name ?? "");
  const docker = {
    "docker:index/container:Container": ["rm", "--force", name],
    "docker:index/network:Network": ["network", "rm", name],
  }[type];
  if (!name || !docker) return;
  log(`the killed run was creating ${type.split(":").pop()?.toLowerCase()} ${name}: removing it, to create it again`);
  // The engine may still be creating it: it does not stop when its client is killed.
  await removeIfPresent(host, docker);
  await sleep(ENGINE_CATCHES_UP_MS);
  await removeIfPresent(host, docker);
}

async function removeIfPresent(host: Host, command: string[]): Promise<void> {
  try {
    await host.docker(command);
  } catch (error) {
    if (!(error instanceof CommandError && /no such|not found/i.test(error.output))) throw error;
  }
}
