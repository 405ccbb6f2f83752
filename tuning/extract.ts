/**
 * Extracts the parameter catalogue from an image:  npx sucrase-node tuning/extract.ts IMAGE [--check]
 *
 * Writes tuning/parameters.json; with --check it compares instead, lists the differences and exits with 1. Names, ranges and contexts
 * of parameters are read from the server that will run, not from the documentation of another version.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Parameter } from "./catalogue";

interface Catalogue {
  postgresql: string;
  parameters: Parameter[];
}

const file = join(__dirname, "parameters.json");

// Libraries that register their parameters only when the postmaster loads them. The others of the image do so in a session.
const preloaded = ["pg_stat_statements", "pg_cron", "pgaudit", "pg_partman_bgw", "pg_prewarm"];

// Without defaults of internal parameters, which depend on the build and the machine.
const catalogueQuery = `
  SELECT json_strip_nulls(json_build_object(
    'name', name, 'context', context, 'type', vartype, 'unit', unit,
    'min', CASE WHEN vartype IN ('integer', 'real') THEN min_val END,
    'max', CASE WHEN vartype IN ('integer', 'real') THEN max_val END,
    'values', enumvals,
    'default', CASE WHEN context <> 'internal' THEN boot_val END))
  FROM pg_settings ORDER BY lower(name) COLLATE "C";`;

/** SQL that loads every library of the image. A library that cannot be loaded in a session registers no parameters in it. */
export const LOAD_ALL = `
SELECT format('LOAD %L', name) FROM pg_ls_dir((SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR')) AS name
WHERE name LIKE '%.so' ORDER BY name
\\gexec
`;

/** Starts a server in a throwaway container and runs `script`, in which `$PSQL` connects to this server. Returns stdout. */
export function inThrowawayServer(image: string, script: string): string {
  const start = `
    set -euo pipefail
    initdb --pgdata=/tmp/data --username=postgres --auth=trust >/tmp/initdb.log 2>&1 || { cat /tmp/initdb.log >&2; exit 1; }
    pg_ctl --pgdata=/tmp/data --wait --silent --log=/tmp/server.log --options="-c listen_addresses= \
      -c unix_socket_directories=/tmp -c shared_preload_libraries=${preloaded.join(",")}" start >&2 ||
      { cat /tmp/server.log >&2; exit 1; }
    PSQL="psql --host=/tmp --username=postgres --no-psqlrc --quiet --tuples-only --no-align"
    ${script}`;
  const run = ["run", "--rm", "--interactive", "--network=none", "--user=postgres", "--entrypoint=bash", image, "-s"];
  const done = spawnSync("docker", run, { input: start, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`the server of image ${image} did not answer:\n${done.stderr.trim()}`);
  return done.stdout;
}

export function extract(image: string): Catalogue {
  const answer = inThrowawayServer(
    image,
    `$PSQL <<'SQL'
${LOAD_ALL}
SHOW server_version;
${catalogueQuery}
SQL`,
  );
  const [version = "", ...rows] = answer.trim().split("\n");
  // "17.5 (Debian 17.5-1)": the version of the package is irrelevant for parameters.
  const postgresql = version.split(" ")[0] ?? "";
  return { postgresql, parameters: rows.map((row) => JSON.parse(row) as Parameter) };
}

/** One line for each parameter, so that the diff for a new PostgreSQL is readable. */
export function serialise(catalogue: Catalogue): string {
  const lines = catalogue.parameters.map((parameter) => `    ${JSON.stringify(parameter)}`);
  return `{\n  "postgresql": ${JSON.stringify(catalogue.postgresql)},\n  "parameters": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/** The differences between the parameters of two catalogues, one a line. */
export function differences(recorded: Parameter[], actual: Parameter[]): string[] {
  const before = new Map(recorded.map((parameter) => [parameter.name, JSON.stringify(parameter)]));
  const after = new Map(actual.map((parameter) => [parameter.name, JSON.stringify(parameter)]));
  const found: string[] = [];
  for (const [name, now] of after) {
    const was = before.get(name);
    if (was === undefined) found.push(`+ ${now}`);
    else if (was !== now) found.push(`- ${was}`, `+ ${now}`);
  }
  for (const [name, was] of before) if (!after.has(name)) found.push(`- ${was}`);
  return found;
}

function main(args: string[]): number {
  const check = args.includes("--check");
  const [image, ...more] = args.filter((arg) => arg !== "--check");
  if (image === undefined || more.length > 0) {
    console.error("usage: npx sucrase-node tuning/extract.ts IMAGE [--check]");
    return 2;
  }
  const actual = extract(image);
  if (!check) {
    writeFileSync(file, serialise(actual));
    console.log(`${file}: ${actual.parameters.length} parameters of PostgreSQL ${actual.postgresql}`);
    return 0;
  }
  const recorded = JSON.parse(readFileSync(file, "utf8")) as Catalogue;
  const found = differences(recorded.parameters, actual.parameters);
  for (const line of found) console.log(line);
  if (found.length === 0) console.log(`${actual.parameters.length} parameters, as recorded`);
  else
    console.error(
      `image ${image} differs from tuning/parameters.json; to record it: npx sucrase-node tuning/extract.ts ${image}`,
    );
  return found.length === 0 ? 0 : 1;
}

if (require.main === module) process.exitCode = main(process.argv.slice(2));
