import { log } from "./print";

/** What a command is called with. */
export interface Invocation {
  /** The stack it is about. */
  stack: string;
  /** The other arguments, as they were written. */
  args: string[];
}

type Command = (invocation: Invocation) => Promise<number>;

// Each is loaded when it is called: all of them together take a second.
const COMMANDS: Record<string, () => Promise<Command>> = {
  up: async () => (await import("./commands/up.ts")).up,
  preview: async () => (await import("./commands/preview.ts")).preview,
  drift: async () => (await import("./commands/drift.ts")).drift,
  destroy: async () => (await import("./commands/destroy.ts")).destroy,
  ephemeral: async () => (await import("./commands/ephemeral.ts")).ephemeral,
  psql: async () => (await import("./commands/psql.ts")).psql,
  status: async () => (await import("./commands/status.ts")).status,
  metrics: async () => (await import("./commands/metrics.ts")).metrics,
  backup: async () => (await import("./commands/backup.ts")).backup,
  drill: async () => (await import("./commands/drill.ts")).drill,
  restore: async () => (await import("./commands/restore.ts")).restore,
  archive: async () => (await import("./commands/archive.ts")).archive,
  adopt: async () => (await import("./commands/adopt.ts")).adopt,
  pulumi: async () => (await import("./commands/pulumi.ts")).passThrough,
  test: async () => (await import("./commands/test.ts")).test,
  faults: async () => (await import("./commands/faults.ts")).faults,
  bench: async () => (await import("./commands/bench.ts")).bench,
  check: async () => (await import("./commands/check.ts")).check,
};

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
  const load = COMMANDS[name];
  if (!load) throw new Error(`there is no command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}`);
  const command = await load();
  return command(parseArguments(argv));
}

if (require.main === module) {
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error: Error) => {
      log("", error.message);
      process.exitCode = 1;
    },
  );
}
