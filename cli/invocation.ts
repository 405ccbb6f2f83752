/** The arguments of a command. */
export interface Invocation {
  /** The stack that the command acts on. */
  stack: string;
  /** All other arguments, unchanged. */
  args: string[];
}

const STACK_NAME = /^[A-Za-z0-9._-]{1,100}$/;

/** Separates `--stack NAME` from the other arguments; the default stack is `dev`. */
export function parseArguments(argv: string[]): Invocation {
  const args = [...argv];
  const i = args.findIndex((arg) => arg === "--stack" || arg.startsWith("--stack="));
  if (i < 0) return { stack: "dev", args };
  const [flag = "", next] = args.slice(i, i + 2);
  const stack = flag.includes("=") ? flag.slice("--stack=".length) : next;
  if (!stack || !STACK_NAME.test(stack))
    throw new Error(`--stack "${stack ?? ""}": invalid name; use 1 to 100 letters, digits, . _ or -`);
  args.splice(i, flag.includes("=") ? 1 : 2);
  return { stack, args };
}
