import { spawn } from "node:child_process";
import type { Invocation } from "../main";
import { hostOf } from "../server";

/** `npm run psql -- ARGS`: psql in the container, as the superuser, in any database. */
export async function psql({ stack, args }: Invocation): Promise<number> {
  const host = hostOf(stack);
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["--tty"] : [];
  const command = ["exec", "--interactive", ...terminal, host.container, "psql", "--username", "postgres", ...args];
  const child = spawn("docker", command, { stdio: "inherit", env: host.environment() });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
