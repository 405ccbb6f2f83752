import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { StackInput } from "../config/stack";
import { Host } from "../provider/host";
import { docker, type TestStack } from "../test/integration/stack";

/** Limits of its container, in the format of `docker run`. */
export const LIMITS = { memory: "2g", cpus: 2, sharedMemory: "512m" };

/** The stack file of the quick start, without its port. */
export function quickStart(): StackInput {
  const { config } = parse(readFileSync(join(__dirname, "..", "Pulumi.dev.yaml"), "utf8")) as {
    config: Record<string, object>;
  };
  const stack = Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace("pgwright:", ""), value]),
  ) as StackInput;
  const { server = {} } = stack;
  delete server.port; // each stack of a bench has a port of its own
  return { ...stack, server };
}

/** The input of the plain script: configuration files and SQL of a running stack. */
export async function dump(stack: TestStack): Promise<{ files: Record<string, string>; sql: string; image: string }> {
  const image = docker("inspect", "--format", "{{.Config.Image}}", stack.container);
  const files = (await new Host(stack.container).readVolume(`${stack.container}-config`, image)) ?? {};
  const run = (...args: string[]) => docker("exec", stack.container, ...args);
  const roles = run("pg_dumpall", "--username", "postgres", "--roles-only").replace(/^CREATE ROLE postgres;$/m, "");
  const database = run("pg_dump", "--username", "postgres", "--create", "solo");
  return { files, sql: `${roles}\n${database}`, image };
}
