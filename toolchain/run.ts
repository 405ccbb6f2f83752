import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { constants as osConstants } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** Receives one line for the user. */
export type Log = (line: string) => void;

/** Options of a run of a program. */
export interface RunOptions {
  cwd?: string;
  /** Additions to the environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** The program is killed after this time. */
  timeoutMs?: number;
  /** The program is killed if it has not printed anything to stdout after this time. */
  firstOutputMs?: number;
}

/** The result of a program. A program that cannot be started has the code 127, as in a shell. */
export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs a program to its end. Never throws for a failure of the program. A signal that ends this process ends the program too. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr, timedOut] = ["", "", false];
    const killOnTimeout = () => {
      timedOut = true;
      child.kill("SIGKILL");
    };
    const timers: NodeJS.Timeout[] = [];
    if (options.timeoutMs) timers.push(setTimeout(killOnTimeout, options.timeoutMs));
    const firstOutput = options.firstOutputMs ? setTimeout(killOnTimeout, options.firstOutputMs) : undefined;
    const forward = (signal: NodeJS.Signals) => {
      child.kill(signal);
      finish();
      // A listener disables the default action of a signal, so the signal is sent again unless other listeners remain.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    };
    const finish = () => {
      for (const timer of timers) clearTimeout(timer);
      clearTimeout(firstOutput);
      for (const signal of signals) process.off(signal, forward);
    };
    for (const signal of signals) process.on(signal, forward);
    child.stdout.on("data", (data: Buffer) => {
      clearTimeout(firstOutput);
      stdout += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    child.on("error", (error) => {
      finish();
      resolve({ code: 127, stdout, stderr: error.message, timedOut });
    });
    child.on("close", (code, signal) => {
      finish();
      resolve({ code: code ?? 128 + (signal ? osConstants.signals[signal] : 0), stdout, stderr, timedOut });
    });
  });
}

/** The absolute paths of the executables called `name` on PATH, in its order, then in `more` folders. */
export function findAll(name: string, more: readonly string[] = [], path = process.env.PATH ?? ""): string[] {
  const folders = [...path.split(delimiter).filter(isAbsolute), ...more];
  return [...new Set(folders.map((folder) => join(folder, name)))].filter(isExecutable);
}

/** Whether `file` is a file that may be executed. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The last lines of an output, indented, for an error. */
export function tail(output: string, lines = 15): string {
  const all = output.trimEnd().split("\n");
  return all
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join("\n");
}

/** The last line of an output, for a message of one line. */
export function lastLine(output: string): string {
  return output.trim().split("\n").pop()?.trim() || "no message";
}

/** Runs `work` and logs `what` with the time elapsed every 20 s, so that a long step does not look like a hang. */
export async function withProgress<T>(log: Log, what: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  const timer = setInterval(() => log(`${what}: ${elapsed(started)}`), 20_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** The time since `started`, for a person. */
export function elapsed(started: number): string {
  const seconds = Math.round((Date.now() - started) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
