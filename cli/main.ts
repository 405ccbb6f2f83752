import { adopt } from "./commands/adopt";
import { archive } from "./commands/archive";
import { backup } from "./commands/backup";
import { bench } from "./commands/bench";
import { check } from "./commands/check";
import { destroy } from "./commands/destroy";
import { drill } from "./commands/drill";
import { drift } from "./commands/drift";
import { ephemeral } from "./commands/ephemeral";
import { faults } from "./commands/faults";
import { metrics } from "./commands/metrics";
import { preview } from "./commands/preview";
import { psql } from "./commands/psql";
import { passThrough } from "./commands/pulumi";
import { restore } from "./commands/restore";
import { status } from "./commands/status";
import { test } from "./commands/test";
import { up } from "./commands/up";

const COMMANDS = {
  up,
  preview,
  drift,
  destroy,
  ephemeral,
  psql,
  status,
  metrics,
  backup,
  drill,
  restore,
  archive,
  adopt,
  pulumi: passThrough,
  test,
  faults,
  bench,
  check,
};

/** What a command is called with. */
export interface Invocation {
  /** The stack it is about. */
  stack: string;
  /** The other arguments, as they were written. */
  args: string[];
}

const STACK_NAME = /^[A-Za-z0-9._-]{1,100}$/;

/** Takes `--stack NAME` out of the arguments; without it the stack is `dev`. */
export function parseArguments(argv: string[]): Invocation {
  const args = [...argv];
  const i = args.findIndex((arg) => arg === "--stack" || arg.startsWith("--stack="));
  if (i < 0) return { stack: "dev", args };
  const [flag = "", next] = args.slice(i, i + 2);
  const stack = flag.includes("=") ? flag.slice("--stack=".length) : next;
  if (!stack || !STACK_NAME.test(stack))
    throw new Error(`--stack "${stack ?? ""}": a stack is named by letters, digits, . _ and -`);
  args.splice(i, flag.includes("=") ? 1 : 2);
  return { stack, args };
}

async function main([name = "", ...argv]: string[]): Promise<number> {
  const command = COMMANDS[name as keyof typeof COMMANDS];
  if (!command) throw new Error(`there is no command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}`);
  return command(parseArguments(argv));
}

if (require.main === module) {
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error: Error) => {
      console.error(`\n${error.message}`);
      process.exitCode = 1;
    },
  );
}
