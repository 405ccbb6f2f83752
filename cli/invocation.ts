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
