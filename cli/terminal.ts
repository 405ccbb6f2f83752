import { spawn } from "node:child_process";

/** Where what a program prints goes: where ours goes, or to standard error. */
export type Stdout = "inherit" | "stderr";

/** Runs a program that has the terminal; returns its exit code. */
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
