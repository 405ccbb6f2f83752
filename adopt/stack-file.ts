import { Document, isMap, isScalar, isSeq, visit, type Node, type Pair } from "yaml";
import { oneLine } from "../provider/visible-text";
import type { Adoption } from "./stack";
import type { Told } from "./told";

// Pure: an adoption as the text of a stack file, with what it has to tell as comments where they belong.

const HEADER = (from: string) => [
  " yaml-language-server: $schema=./config/stack.schema.json",
  ` What ${oneLine(from)} was when npm run adopt read it. Tables, views, functions and triggers are not declared: they come with the`,
  " data, and change by migrations. What is there and not declared stays as it is, unless a comment says otherwise.",
];

/** Comments by the key that they stand above. */
function comments({ report }: Adoption): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const note = ({ at }: Told, line: string) => {
    const id = JSON.stringify(at);
    found.set(id, [...(found.get(id) ?? []), ` ${oneLine(line)}`]);
  };
  for (const told of report.changes) note(told, `up runs: ${told.text};`);
  for (const told of report.left) note(told, told.text);
  return found;
}

function keyed(map: unknown, key: string): Pair | undefined {
  if (!isMap(map)) return undefined;
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Puts lines above a key, or above the nearest one that there is; false if there is none. */
function comment(config: unknown, [first = "", ...rest]: string[], lines: string[]): boolean {
  const top = keyed(config, `pgwright:${first}`);
  const pair = rest.reduce<Pair | undefined>((at, name) => keyed(at?.value, name) ?? at, top);
  if (!pair) return false;
  const key = pair.key as Node;
  key.commentBefore = [...(key.commentBefore ? [key.commentBefore] : []), ...lines].join("\n");
  return true;
}

/** The text of the stack file. `kept`: other keys of a file that this takes the place of. */
export function writeStackFile(from: string, adoption: Adoption, kept: Record<string, unknown> = {}): string {
  const { config: secrets = {}, ...others } = kept as { config?: Record<string, unknown> };
  const entries = Object.entries(adoption.config).map(([key, value]) => [`pgwright:${key}`, value]);
  // What only version 1.1 of YAML takes for something else (on, dates) is put in quotes too.
  const document = new Document(
    { ...others, config: { ...Object.fromEntries(entries), ...secrets } },
    { version: "1.1" },
  );
  visit(document, {
    Seq: (_, node) => {
      if (!isSeq(node) || !node.items.every((item) => isScalar(item))) return;
      node.flow = true;
      // Within brackets Pulumi's parser takes a colon at the begin of a text for the end of a key.
      for (const item of node.items) if (/^:/.test(String(item.value))) item.type = "QUOTE_DOUBLE";
    },
  });
  const config = document.get("config");
  const above = [...HEADER(from)];
  for (const [id, lines] of comments(adoption)) {
    if (!comment(config, JSON.parse(id) as string[], lines)) above.push(...lines);
  }
  const text = document.toString({ lineWidth: 0, directives: false, flowCollectionPadding: false });
  return `${above.map((line) => `#${line}`).join("\n")}\n${text}`;
}
