import { spawnSync } from "node:child_process";
import { Host } from "../provider/host";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { log } from "./print";
import { ephemeralFile, ROOT } from "./project";

/** ` --stack NAME` for a command that a message names; empty for the stack that commands take without it. */
export const stackOption = (stack: string): string => (stack === "dev" ? "" : ` --stack ${stack}`);

/** The container of a stack, as index.ts names it. */
export function containerName(stack: string): string {
  return `pgwright-${stack}`;
}

/** The path of a stack's stack file. */
export function stackFile(stack: string): string {
  if (existsSync(ephemeralFile(stack))) return ephemeralFile(stack);
  return process.env.PULUMI_OPTION_CONFIG_FILE ?? join(ROOT, `Pulumi.${stack}.yaml`);
}

/** The value of one of pgwright's keys in the stack file, not validated. */
export function configured(stack: string, key: string): unknown {
  const file = stackFile(stack);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const { config } = (parse(text) ?? {}) as { config?: Record<string, unknown> };
  return config?.[`pgwright:${key}`];
}

/** A stack's container, on the engine that its stack file names. */
export function hostOf(stack: string): Host {
  const engine = configured(stack, "engine");
  return new Host(containerName(stack), typeof engine === "string" ? engine : undefined);
}

export const hasBackup = (stack: string): boolean => configured(stack, "backup") !== undefined;

/** Databases whose vector indexes the stack file declares. */
export function databasesWithVectors(stack: string): string[] {
  const databases = (configured(stack, "databases") ?? {}) as Record<string, { vectors?: object } | null>;
  return Object.keys(databases).filter((name) => databases[name]?.vectors);
}

/** The database that holds pg_cron. */
export function cronDatabase(stack: string): string {
  const { cronDatabase: database } = (configured(stack, "server") ?? {}) as { cronDatabase?: string };
  return database ?? "postgres";
}

/** Undeclared objects that are no drift: parts of their lines in the report. */
export function ignoredDrift(stack: string): string[] {
  const { ignore } = (configured(stack, "drift") ?? {}) as { ignore?: string[] };
  return ignore ?? [];
}

/**
 * pgwright's own plugin reads the server in every preview. The other plugins (schemas, extensions, Docker objects) read it only with
 * --refresh, and fail if the server is down: so the flag is returned only while the server runs.
 */
export async function refreshFlags(stack: string): Promise<string[]> {
  const container = await hostOf(stack).inspect();
  if (container?.running) return ["--refresh"];
  if (container)
    log(
      `container ${containerName(stack)}: not running (${container.status}); the preview uses the state of the last update, not the server`,
    );
  return [];
}

/** Runs a program in the container of a stack's backup agent, with its output on the terminal; returns its exit code. */
export function runInAgent(stack: string, ...command: string[]): number {
  const host = hostOf(stack);
  const args = ["exec", `${host.container}-agent`, ...command];
  return spawnSync("docker", args, { env: host.environment(), stdio: "inherit" }).status ?? 1;
}
