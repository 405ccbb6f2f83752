import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { StackInput } from "../../../config/stack";
import type { TestStack } from "../stack";

const ROOT = join(__dirname, "..", "..", "..");

/** Which folder of sql/ has the migrations and tests of an example's database. */
export const DATABASES = { patterns: "patterns", mlb_qbench: "qbench", apex_memory: "apex" } as const;

function stackFile(name: string): StackInput {
  const { config } = parse(readFileSync(join(ROOT, "docs", "examples", `Pulumi.${name}.yaml`), "utf8")) as {
    config: Record<string, unknown>;
  };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("pgwright:", ""), value]));
}

/** The examples as one stack: they share no role, database or job, and one server is up sooner than three. */
export function examples(): Pick<StackInput, "roles" | "databases"> {
  const all = ["patterns", "qbench", "apex"].map(stackFile);
  return {
    roles: Object.assign({}, ...all.map(({ roles }) => roles)),
    databases: Object.assign({}, ...all.map(({ databases }) => databases)),
  };
}

/** Files of sql/NAME/tests with their database. */
export const sqlTests = Object.entries(DATABASES).flatMap(([database, folder]) =>
  readdirSync(join(ROOT, "sql", folder, "tests"))
    .filter((file) => file.endsWith(".sql"))
    .map((file) => ({ database, file: join("sql", folder, "tests", file) })),
);

/** The down parts of a database's migrations, the newest first. */
export function downs(database: keyof typeof DATABASES): string {
  const folder = join(ROOT, "sql", DATABASES[database], "migrations");
  const parts = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8").split("-- migrate:down")[1]);
  return parts
    .reverse()
    .map((part = "") => part.replace(/^ transaction:false/, ""))
    .join("\n");
}

/** Runs a file of SQL. */
export function runFile(stack: TestStack, database: string, file: string) {
  return run(stack, database, readFileSync(join(ROOT, file), "utf8"));
}

/** Runs SQL as psql does, a statement after the other, up to the first error. */
export function run(stack: TestStack, database: string, input: string): { status: number | null; stderr: string } {
  const psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database];
  return spawnSync("docker", ["exec", "-i", stack.container, ...psql], { input, encoding: "utf8" });
}
