import { parseStack } from "../config/parse";
import { path, StackError } from "../config/problem";
import type { Stack, StackInput } from "../config/stack";
import type { Report } from "./report";

// Pure: keys that the parser of the stack file refuses are removed and reported.

type Tree = Record<string, unknown>;

/** Optional entries of the stack file; "*" is any name. */
const ENTRIES = [
  "roles.*.*",
  "roles.*",
  "databases.*.schemas.*",
  "databases.*.extensions.*",
  "databases.*.grants.*.schemas.*",
  "databases.*.grants.*.tables.*",
  "databases.*.grants.*.sequences.*",
  "databases.*.grants.*.functions.*",
  "databases.*.grants.*",
  "databases.*.jobs.*",
  "databases.*",
  "server.*",
];

function entries(tree: Tree, pattern: string[]): string[][] {
  const [first = "", ...rest] = pattern;
  const names = first === "*" ? Object.keys(tree) : first in tree ? [first] : [];
  if (rest.length === 0) return names.map((name) => [name]);
  return names.flatMap((name) => entries((tree[name] ?? {}) as Tree, rest).map((below) => [name, ...below]));
}

/** The smallest entry that contains the key of a problem. */
function findEntry(config: Tree, key: string): string[] | undefined {
  const about = (parts: string[]) => [path(parts), parts.join(".")].some((text) => startsWithKey(key, text));
  const all = ENTRIES.flatMap((pattern) => entries(config, pattern.split(".")));
  return all.filter(about).sort((a, b) => b.length - a.length)[0];
}

const startsWithKey = (key: string, start: string) =>
  key.startsWith(start) && /^($|[.[])/.test(key.slice(start.length));

function remove(config: Tree, parts: string[]): void {
  const parent = parts.slice(0, -1).reduce((at, part) => at[part] as Tree, config);
  delete parent[parts.at(-1) as string];
}

/** Removes entries from `config` and reports them, until the parser accepts it. Throws problems that no entry contains. */
export function removeRefused(config: StackInput, report: Report): Stack {
  for (;;) {
    try {
      return parseStack(config);
    } catch (error) {
      const [problem] = error instanceof StackError ? error.problems : [];
      const parts = problem && findEntry(config as Tree, problem.key);
      if (!problem || !parts) throw error;
      remove(config as Tree, parts);
      report.addNote(parts.slice(0, 2), `${path(parts)} is not declared: ${problem.text}`);
    }
  }
}
