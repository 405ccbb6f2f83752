import { parseArguments, type Invocation } from "./invocation";
import { log } from "./print";

type Command = (invocation: Invocation) => Promise<number>;

// Loaded on demand: all of them together take a second.
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

async function main([name = "", ...argv]: string[]): Promise<number> {
  const load = COMMANDS[name];
  if (!load) throw new Error(`command "${name}": unknown; use one of ${Object.keys(COMMANDS).join(", ")}`);
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
