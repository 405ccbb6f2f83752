import { spawnSync } from "node:child_process";
import { FOLDERS } from "../../folders.cjs";
import { log } from "../print";
import { ROOT } from "../project";

/** Folders whose imports are checked: all that hold TypeScript. */
const IMPORTING = [...Object.keys(FOLDERS), "bench", "test"];

const SHELL_SCRIPTS = [".ci/run", "image/*.sh", "provider/pulumi-resource-pgwright", "toolchain/*/*.sh"];

const CHECKS: [string, string[]][] = [
  ["types", ["tsc", "--noEmit", "--project", "."]],
  ["lint", ["eslint", "."]],
  ["imports", ["depcruise", "--output-type", "err", ...IMPORTING]],
  ["format", ["prettier", "--check", "--log-level", "warn", "."]],
  ["stack file's schema and reference", ["sucrase-node", "config/json-schema.ts", "--check"]],
  ["schema of the plugin", ["sucrase-node", "provider/package-schema.ts", "--check"]],
  ["search_path of routines", ["sucrase-node", "sql/check-search-path.ts"]],
  ["migrations", ["squawk", "--pg-version=17", "sql/*/migrations/*.sql"]],
  ["shell scripts", ["sucrase-node", "toolchain/check.ts", "shellcheck", "&&", "shellcheck", ...SHELL_SCRIPTS]],
];

/** `npm run check`: a failed check does not stop the others. */
export async function check(): Promise<number> {
  const failed = CHECKS.filter(([what, command]) => {
    log(`checking ${what} ...`);
    return spawnSync("npx", ["--no-install", ...command], { cwd: ROOT, stdio: "inherit", shell: true }).status !== 0;
  });
  if (failed.length > 0) log("", `failed checks: ${failed.map(([what]) => what).join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}
