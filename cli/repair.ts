import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, type Host } from "../provider/host";
import { isRunning } from "../toolchain/lock";
import { log } from "./print";
import { removeHalfWritten, ROOT, type Deployment, type PendingOperation, type Project } from "./project";
import { hostOf } from "./server";

// A run that was killed leaves two things behind: the lock of a local state, and operations that nobody knows the end of.

/** A network takes the engine some two seconds. */
const ENGINE_CATCHES_UP_MS = 3000;

/** Makes the state usable again after a run that was killed. Does nothing after one that ended. */
export async function repairInterrupted(project: Project, stack: string): Promise<void> {
  await endOrphans();
  if (project.backend.folder && lockIsStale(project.backend.folder, stack)) {
    log("an earlier run was killed: taking over its lock");
    const { code, stderr } = await project.capture(["cancel", "--yes", "--stack", stack]);
    if (code !== 0) throw new Error(`the lock of the killed run could not be removed: ${stderr.trim()}`);
    removeHalfWritten(project.backend.folder, stack);
  }
  const { pending_operations: pending = [] } = await project.deployment(stack);
  if (pending.length === 0) return;

  for (const { type, resource } of pending) if (type === "creating") await removeHalfMade(resource, stack);
  const exported = await project.capture(["stack", "export", "--stack", stack]);
  if (exported.code !== 0) throw new Error(exported.stderr.trim());
  const checkpoint = JSON.parse(exported.stdout) as { deployment: Deployment };
  delete checkpoint.deployment.pending_operations;
  const { code, stderr } = await project.capture(["stack", "import", "--stack", stack], JSON.stringify(checkpoint));
  if (code !== 0) throw new Error(`the state of the killed run could not be mended: ${stderr.trim()}`);
}

/**
 * Pulumi runs the program and each plugin in a process of its own. Where Pulumi was killed they do not notice: the program
 * even goes on asking for it, with a whole CPU and ever more memory. Ours are known by their folder, orphans by the address
 * of a Pulumi that nobody answers at.
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
      // it has ended meanwhile, or is somebody else's
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
    socket.on("timeout", () => end(true)); // rather left alone than ended by mistake
    socket.on("error", () => end(false));
  });
}

interface LockHolder {
  pid: number;
  hostname: string;
}

/** Who works on a stack, by the locks of a local state. */
function lockHolders(state: string, stack: string): LockHolder[] {
  const folder = join(state, ".pulumi", "locks", "organization", "pgwright", stack);
  if (!existsSync(folder)) return [];
  const locks = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return locks.map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as LockHolder);
}

const hasEnded = ({ pid, hostname: host }: LockHolder) => host === hostname() && !isRunning(pid);
const lockIsStale = (state: string, stack: string) => lockHolders(state, stack).some(hasEnded);

/** Is there a run that changes a stack of a local state? */
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
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended meanwhile
  }
}

/** Ends a run that is at work on a stack of a local state, and frees its lock. True if there was one, even one that was killed. */
export async function endRun(project: Project, stack: string): Promise<boolean> {
  const { folder } = project.backend;
  const holders = folder ? lockHolders(folder, stack) : [];
  if (holders.length === 0) return false;
  for (const holder of holders.filter((each) => !hasEnded(each))) {
    if (holder.hostname !== hostname())
      throw new Error(`stack ${stack} is being changed by process ${holder.pid} on ${holder.hostname}: end that first`);
    if (!isPulumi(holder.pid)) continue; // a later one with the number of the process that was killed
    log(`ending process ${holder.pid}, which is at work on stack ${stack}`);
    end(holder.pid);
    while (!hasEnded(holder)) await sleep(50);
  }
  await endOrphans();
  const { code, stderr } = await project.capture(["cancel", "--yes", "--stack", stack]);
  if (code !== 0) throw new Error(`the lock of the run that was ended could not be removed: ${stderr.trim()}`);
  await sleep(ENGINE_CATCHES_UP_MS);
  return true;
}

/**
 * What the killed run was making may be there or not; Pulumi knows nothing of it and would fail to make it again. It holds
 * nothing yet, for what goes into it is made afterwards. What lives inside PostgreSQL is adopted if it is there.
 */
async function removeHalfMade({ type, inputs }: PendingOperation["resource"], stack: string): Promise<void> {
  const host = hostOf(stack);
  const name = String(inputs?.name ?? "");
  const docker = {
    "docker:index/container:Container": ["rm", "--force", name],
    "docker:index/network:Network": ["network", "rm", name],
  }[type];
  if (!name || !docker) return;
  log(`the killed run was making ${type.split(":").pop()?.toLowerCase()} ${name}: starting over with it`);
  // The engine may still be at it: it does not stop because the one who asked was killed.
  await removeIfThere(host, docker);
  await sleep(ENGINE_CATCHES_UP_MS);
  await removeIfThere(host, docker);
}

async function removeIfThere(host: Host, command: string[]): Promise<void> {
  try {
    await host.docker(command);
  } catch (error) {
    if (!(error instanceof CommandError && /no such|not found/i.test(error.output))) throw error;
  }
}
