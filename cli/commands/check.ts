import { spawnSync } from "node:child_process";
import { FOLDERS } from "../../folders.cjs";
import { log } from "../print";
import { ROOT } from "../project";

/** What is looked at for imports: all that holds TypeScript. */
const IMPORTING = [...Object.keys(FOLDERS), "bench", "test"];

const CHECKS: [string, string[]][] = [
  ["types", ["tsc", "--noEmit", "--project", "."]],
  ["lint", ["eslint", "."]],
  ["imports", ["depcruise", "--output-type", "err", ...IMPORTING]],
  ["format", ["prettier", "--check", "--log-level", "warn", "."]],
  ["stack file's schema and reference", ["sucrase-node", "config/json-schema.ts", "--check"]],
  ["search_path of routines", ["sucrase-node", "sql/check-search-path.ts"]],
  ["migrations", ["squawk", "--pg-version=17", "sql/*/migrations/*.sql"]],
];

/** `npm run check`: types, lint, imports, format and what is generated; all of them, even if one fails. */
export async function check(): Promise<number> {
  const failed = CHECKS.filter(([what, command]) => {
    log(`checking ${what} ...`);
    return spawnSync("npx", ["--no-install", ...command], { cwd: ROOT, stdio: "inherit", shell: true }).status !== 0;
  });
  if (failed.length > 0) log("", `not clean: ${failed.map(([what]) => what).join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}
