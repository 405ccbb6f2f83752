import type { Invocation } from "../options";
import { optionsOf, INTERACTIVE_OPTIONS } from "../../provider/session-options";
import { hostOf } from "../server";
import { withTerminal } from "../terminal";

/** `npm run psql -- ARGS`: psql in the container, as the superuser, in any database. */
export async function psql({ stack, args }: Invocation): Promise<number> {
  const host = hostOf(stack);
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["--tty"] : [];
  const options = ["--env", `PGOPTIONS=${optionsOf(INTERACTIVE_OPTIONS)}`];
  const psql = [host.container, "psql", "--username", "postgres", ...args];
  const command = ["exec", "--interactive", ...terminal, ...options, ...psql];
  return withTerminal("docker", command, { env: host.environment() });
}
