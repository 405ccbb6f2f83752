import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineFiles } from "./engine-files";
import { alivePid, removeLeftovers } from "./leftovers";
import { type Log, elapsed, findAll, tail } from "./run";

const sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin"];

/** The path of dockerd, which is often outside of a user's PATH. */
export function findDockerd(): string | undefined {
  return findAll("dockerd", sbin)[0];
}

/**
 * Starts an engine that outlives this process, and returns when `answers` does, in 60 s at most. For machines without systemd: a
 * container, a small virtual machine or WSL.
 */
export async function startDockerd(files: EngineFiles, answers: () => Promise<boolean>, log: Log): Promise<void> {
  const dockerd = findDockerd();
  if (!dockerd) throw new Error("dockerd: not installed; install Docker's engine, then run the command again");
  await removeLeftovers(files, log);
  const running = alivePid(files.pidFile, "dockerd");
  if (running) {
    log(`dockerd runs already as process ${running}, waiting until it answers`);
    if (await poll(answers, () => alivePid(files.pidFile, "dockerd") !== undefined)) return;
    // It belongs to another user or hangs: this process must not end it.
    if (alivePid(files.pidFile, "dockerd")) {
      throw new Error(
        `dockerd (process ${running}, from ${files.pidFile}): does not answer; ` +
          `read its log, or end it with \`kill ${running}\` and run the command again`,
      );
    }
    await removeLeftovers(files, log);
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
    // dockerd calls iptables, which is often outside of PATH.
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
  const text = readFileSync(files.logFile).subarray(offset).toString();
  throw new Error(
    `${dockerd}: ${ended ?? `process ${child.pid} does not answer after ${elapsed(started)}`}; ` +
      `the end of its log, ${files.logFile}:\n${tail(text)}\n` +
      `if this machine is a container, run it privileged; or set DOCKER_HOST to another engine`,
  );
}

/** Polls until `answers`, for at most 60 s and while `alive`. */
async function poll(answers: () => Promise<boolean>, alive: () => boolean): Promise<boolean> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (await answers()) return true;
    if (!alive() || Date.now() > deadline) return false;
    await sleep(300);
  }
}
