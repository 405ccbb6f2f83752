import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import type { StackInput } from "../config/stack";
import { TestStack } from "../test/integration/stack";
import { median, report, seconds } from "./report";

// A preview without changes of 500 roles, 500 cron jobs and 200 schemas. The limit is twice the time of an empty program, and 10 ms a
// resource.

const [ROLES, JOBS, SCHEMAS] = [500, 500, 200];
const MS_A_RESOURCE = 10;

export function large(): StackInput {
  const count = <T>(n: number, make: (i: number) => [string, T]) =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => make(i)));
  return {
    server: { memory: "1GB" },
    roles: { owner: { login: true, password: false }, ...count(ROLES - 1, (i) => [`role_${i}`, {}]) },
    databases: {
      app: {
        owner: "owner",
        schemas: count(SCHEMAS, (i) => [`schema_${i}`, {}]),
        grants: count(ROLES - 1, (i) => [
          `role_${i}`,
          { schemas: { [`schema_${i % SCHEMAS}`]: { schema: ["USAGE"], tables: ["SELECT"] } } },
        ]),
        jobs: count(JOBS, (i) => [`job ${i}`, { schedule: "0 4 1 1 *", command: "SELECT 1" }]),
      },
    },
  };
}

/** Returns a function that measures the preview of an empty program in the same environment, seconds. */
async function emptyPreview(stack: TestStack): Promise<() => Promise<number>> {
  const folder = mkdtempSync(join(tmpdir(), "pgwright-empty-"));
  writeFileSync(join(folder, "Pulumi.yaml"), "name: empty\nruntime: nodejs\nmain: index.ts\n");
  writeFileSync(join(folder, "index.ts"), 'import "@pulumi/pulumi";\n');
  writeFileSync(join(folder, "package.json"), "{}");
  symlinkSync(join(__dirname, "..", "node_modules"), join(folder, "node_modules"));
  const env = { ...stack.env };
  delete env.PULUMI_OPTION_CONFIG_FILE;
  const pulumi = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("pulumi", args, { cwd: folder, env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
  };
  pulumi("stack", "init", "empty");
  pulumi("up", "--yes", "--skip-preview", "--stack", "empty");
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return () => seconds(() => pulumi("preview", "--stack", "empty"));
}

export async function run(): Promise<void> {
  const stack = await TestStack.create(large());
  try {
    console.log(`creating ${ROLES} roles, ${JOBS} jobs and ${SCHEMAS} schemas ...`);
    console.log(`up from nothing: ${(await seconds(() => stack.up())).toFixed(1)} s`);
    const { resources } = (await stack.state()).deployment;
    const empty = await emptyPreview(stack);
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < 3; round += 1) {
      theirs.push(await empty());
      ours.push(
        await seconds(async () => {
          const { code, text } = await stack.run("preview", "--expect-no-changes", "--stack", stack.name);
          if (code !== 0) throw new Error(text);
        }),
      );
    }
    const allowed = 2 * median(theirs) + (resources.length * MS_A_RESOURCE) / 1000;
    const against = `2 x empty program (${median(theirs).toFixed(1)} s) + ${MS_A_RESOURCE} ms x ${resources.length} resources`;
    report("scale", [{ name: "noop-preview-of-allowed", ours: median(ours), peer: allowed, unit: "s", against }]);
  } finally {
    await stack.dispose();
  }
}
