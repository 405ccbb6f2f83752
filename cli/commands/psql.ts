import type { Invocation } from "../main";
import { hostOf } from "../server";
import { withTerminal } from "../terminal";

/** `npm run psql -- ARGS`: psql in the container, as the superuser, in any database. */
export async function psql({ stack, args }: Invocation): Promise<number> {
  const host = hostOf(stack);
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["--tty"] : [];
  const command = ["exec", "--interactive", ...terminal, host.container, "psql", "--username", "postgres", ...args];
  return withTerminal("docker", command, { env: host.environment() });
}
