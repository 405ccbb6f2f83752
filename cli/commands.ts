import * as options from "./options";
import type { Invocation, Syntax } from "./options";

export interface Command extends Syntax {
  /** One line of the help. */
  summary: string;
  load(): Promise<(invocation: Invocation<never>) => Promise<number>>;
}

// Every command, in the order of the help. Loaded on demand: all of them together take a second.
export const COMMANDS: Record<string, Command> = {
  up: {
    summary: "creates or updates the stack; installs what is missing on this machine",
    usage: "[OPTION OF pulumi up]...",
    passesTo: "pulumi up",
    load: async () => (await import("./commands/up.ts")).up,
  },
  preview: {
    summary: "reports what `up` would do, and changes nothing",
    usage: "[--report FILE.md|FILE.json]... [--data FOLDER] [OPTION OF pulumi preview]...",
    options: options.PREVIEW,
    passesTo: "pulumi preview",
    load: async () => (await import("./commands/preview.ts")).preview,
  },
  drift: {
    summary: "reports what has changed since the last update, and undeclared objects; exit code 2 if there is drift",
    usage: "[--report FILE.md|FILE.json]...",
    options: options.DRIFT,
    load: async () => (await import("./commands/drift.ts")).drift,
  },
  destroy: {
    summary: "removes the stack's container, volumes, network and state",
    usage: "[OPTION OF pulumi destroy]...",
    passesTo: "pulumi destroy",
    load: async () => (await import("./commands/destroy.ts")).destroy,
  },
  status: {
    summary:
      "reports the state of the server, its backups, vector indexes and cron jobs; exit code 1 if one needs attention",
    usage: "",
    load: async () => (await import("./commands/status.ts")).status,
  },
  metrics: {
    summary: "prints metrics in the text format of Prometheus",
    usage: "",
    load: async () => (await import("./commands/metrics.ts")).metrics,
  },
  psql: {
    summary: "runs psql in the container, as the superuser",
    usage: "[OPTION OF psql]...",
    passesTo: "psql",
    load: async () => (await import("./commands/psql.ts")).psql,
  },
  backup: {
    summary: "makes a backup (full), or verifies the existing ones",
    usage: "[full|differential|incremental|verify|drill|dump]",
    positionals: [0, 1],
    load: async () => (await import("./commands/backup.ts")).backup,
  },
  drill: {
    summary: "restores the newest backup in a throwaway container, and checks it",
    usage: "",
    load: async () => (await import("./commands/drill.ts")).drill,
  },
  restore: {
    summary: "restores the server to a point in time; --accept removes the data from before the restore",
    usage: "--time TIME | --name POINT | --lsn LSN | --backup LABEL | --latest | --accept",
    options: options.RESTORE,
    load: async () => (await import("./commands/restore.ts")).restore,
  },
  archive: {
    summary: "restores a partition that retention has dumped; without TABLE, lists the dumped partitions",
    usage: "DATABASE [TABLE]",
    positionals: [1, 2],
    load: async () => (await import("./commands/archive.ts")).archive,
  },
  adopt: {
    summary: "writes the stack file that declares a running server, and changes nothing there",
    usage: "--from CONTAINER|postgresql://USER@HOST:PORT/DATABASE [--port PORT] [--engine ENGINE] [--force]",
    options: options.ADOPT,
    load: async () => (await import("./commands/adopt.ts")).adopt,
  },
  "ephemeral up": {
    summary: "creates a stack with an expiry, or extends one",
    usage: "NAME [--from FILE] [--for 8h] [--not-durable] [--role ROLE] [--database DATABASE] [--env FILE] [--json]",
    options: options.EPHEMERAL_UP,
    positionals: [1, 1],
    withoutStack: true,
    load: async () => (await import("./ephemeral/up.ts")).up,
  },
  "ephemeral list": {
    summary: "lists the ephemeral stacks of a Docker engine",
    usage: "[--engine ENGINE] [--json]",
    options: options.EPHEMERAL_LIST,
    withoutStack: true,
    load: async () => (await import("./ephemeral/list.ts")).list,
  },
  "ephemeral destroy": {
    summary: "removes an ephemeral stack",
    usage: "NAME [--engine ENGINE]",
    options: options.EPHEMERAL,
    positionals: [1, 1],
    withoutStack: true,
    load: async () => (await import("./ephemeral/destroy.ts")).destroy,
  },
  "ephemeral sweep": {
    summary: "removes the expired ephemeral stacks of a Docker engine",
    usage: "[--engine ENGINE]",
    options: options.EPHEMERAL,
    withoutStack: true,
    load: async () => (await import("./ephemeral/sweep.ts")).sweep,
  },
  pulumi: {
    summary: "runs Pulumi in the environment of the other commands",
    usage: "ARGUMENT...",
    passesTo: "pulumi",
    load: async () => (await import("./commands/pulumi.ts")).passThrough,
  },
  test: {
    summary: "runs the tests",
    usage: "[OPTION OF vitest]...",
    passesTo: "vitest",
    withoutStack: true,
    load: async () => (await import("./commands/test.ts")).test,
  },
  "test:faults": {
    summary: "runs one of the long fault tests",
    usage: "NAME [ARGUMENT]... | --list",
    options: options.NAMED,
    passesTo: "the fault test",
    withoutStack: true,
    load: async () => (await import("./commands/faults.ts")).faults,
  },
  bench: {
    summary: "runs one of the benchmarks",
    usage: "NAME [ARGUMENT]... | --list",
    options: options.NAMED,
    passesTo: "the benchmark",
    withoutStack: true,
    load: async () => (await import("./commands/bench.ts")).bench,
  },
  check: {
    summary: "checks types, lint, imports, format, migrations, shell scripts, generated files and documentation",
    usage: "",
    withoutStack: true,
    load: async () => (await import("./commands/check.ts")).check,
  },
};

export interface FoundCommand {
  name: string;
  command: Command;
  rest: string[];
}

/** The command that arguments begin with, which may have two words, and the arguments that follow. */
export function findCommand(argv: string[]): FoundCommand | undefined {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(" ");
    const command = COMMANDS[name];
    if (command && argv.length >= words) return { name, command, rest: argv.slice(words) };
  }
  return undefined;
}
