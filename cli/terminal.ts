import { spawn } from "node:child_process";

/** The destination of a program's standard output: inherited, or standard error. */
export type Stdout = "inherit" | "stderr";

/** Runs a program on the terminal; returns its exit code. */
export function withTerminal(
  command: string,
  args: string[],
  { stdout = "inherit", ...options }: { cwd?: string; env?: NodeJS.ProcessEnv; stdout?: Stdout },
): Promise<number> {
  const child = spawn(command, args, {
    ...options,
    stdio: ["inherit", stdout === "stderr" ? 2 : "inherit", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
