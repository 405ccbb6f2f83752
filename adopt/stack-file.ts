import { Document, isMap, isScalar, isSeq, visit, type Node, type Pair } from "yaml";
import { oneLine } from "../provider/visible-text";
import type { Adoption } from "./stack";
import type { ReportEntry } from "./report";

// Pure: an adoption as the text of a stack file, with its report as comments above the keys.

const HEADER = (from: string) => [
  " yaml-language-server: $schema=./config/stack.schema.json",
  ` The state of ${oneLine(from)} when npm run adopt read it. Tables, views, functions and triggers are not declared: they come with the`,
  " data, and migrations change them. Undeclared objects stay unchanged, unless a comment says otherwise.",
];

/** Comments by the path of the key below them. */
function comments({ report }: Adoption): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = ({ at }: ReportEntry, line: string) => {
    const id = JSON.stringify(at);
    found.set(id, [...(found.get(id) ?? []), ` ${oneLine(line)}`]);
  };
  for (const entry of report.changes) add(entry, `up runs: ${entry.text};`);
  for (const entry of report.notes) add(entry, entry.text);
  return found;
}

function findPair(map: unknown, key: string): Pair | undefined {
  if (!isMap(map)) return undefined;
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Adds lines above a key, or above its nearest existing parent; false if there is none. */
function addComment(config: unknown, [first = "", ...rest]: string[], lines: string[]): boolean {
  const top = findPair(config, `pgwright:${first}`);
  const pair = rest.reduce<Pair | undefined>((at, name) => findPair(at?.value, name) ?? at, top);
  if (!pair) return false;
  const key = pair.key as Node;
  key.commentBefore = [...(key.commentBefore ? [key.commentBefore] : []), ...lines].join("\n");
  return true;
}

/** The text of the stack file. `kept`: other keys of the file that this text replaces. */
export function writeStackFile(from: string, adoption: Adoption, kept: Record<string, unknown> = {}): string {
  const { config: secrets = {}, ...others } = kept as { config?: Record<string, unknown> };
  const entries = Object.entries(adoption.config).map(([key, value]) => [`pgwright:${key}`, value]);
  // Strings that only YAML 1.1 reads as other types (on, dates) need quotes too.
  const document = new Document(
    { ...others, config: { ...Object.fromEntries(entries), ...secrets } },
    { version: "1.1" },
  );
  visit(document, {
    Seq: (_, node) => {
      if (!isSeq(node) || !node.items.every((item) => isScalar(item))) return;
      node.flow = true;
      // Within brackets Pulumi's parser reads a leading colon as the end of a key.
      for (const item of node.items) if (/^:/.test(String(item.value))) item.type = "QUOTE_DOUBLE";
    },
  });
  const config = document.get("config");
  const above = [...HEADER(from)];
  for (const [id, lines] of comments(adoption)) {
    if (!addComment(config, JSON.parse(id) as string[], lines)) above.push(...lines);
  }
  const text = document.toString({ lineWidth: 0, directives: false, flowCollectionPadding: false });
  return `${above.map((line) => `#${line}`).join("\n")}\n${text}`;
}
