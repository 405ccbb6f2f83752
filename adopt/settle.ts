import { parseStack } from "../config/parse";
import { path, StackError } from "../config/problem";
import type { Stack, StackInput } from "../config/stack";
import type { Report } from "./told";

// Pure: the last word is the parser's. What it refuses is taken out of the stack file, and told.

type Tree = Record<string, unknown>;

/** Keys whose entries can be missing, by name; an entry of "*" is any name. */
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

/** The smallest entry that a problem is about. */
function culprit(config: Tree, key: string): string[] | undefined {
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

/** Takes out what the parser refuses, until it takes all. */
export function settle(config: StackInput, report: Report): Stack {
  for (;;) {
    try {
      return parseStack(config);
    } catch (error) {
      const [problem] = error instanceof StackError ? error.problems : [];
      const parts = problem && culprit(config as Tree, problem.key);
      if (!problem || !parts) throw error;
      remove(config as Tree, parts);
      report.leave(parts.slice(0, 2), `${path(parts)} is not declared: ${problem.text}`);
    }
  }
}
