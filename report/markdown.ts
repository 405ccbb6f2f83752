import { EFFECTS, effectTitle } from "../provider/effect";
import { escaped, fenced, section } from "./blocks";
import { changeLines } from "./lines";
import type { Report, Told } from "./report";

// Pure: a report as a comment of a pull request.

/** GitHub takes comments of up to 65,536 characters. */
const LONGEST = 60_000;
const FENCE = /^(`{3,})(diff)?$/;

/** A message of several lines keeps them. */
const bullet = ({ text }: Told): string => `- ${text.split("\n").join("\n  ")}`;

const bullets = (told: Told[]): string[] => [
  ...new Set(told.map((each) => bullet({ ...each, text: escaped(each.text) }))),
];

function counts({ changes, putBack }: Report): string {
  const words = { create: "to make", update: "to change", replace: "to make anew", delete: "to remove" } as const;
  const parts = Object.entries(words).flatMap(([op, word]) => {
    const n = changes.filter((change) => change.op === op).length;
    return n > 0 ? [`${n} ${word}`] : [];
  });
  if (putBack.length > 0) parts.push(`${putBack.length} to put back`);
  return parts.length > 0 ? parts.join(", ") : "nothing to change";
}

export function headline(report: Report): string {
  const { stack, errors, effects } = report;
  const heard = EFFECTS.filter((effect) => effects[effect].length > 0).map(effectTitle);
  const refused = errors.length > 0 ? ["**refused**"] : [];
  return `\`${stack}\`: ${[...refused, ...heard.map((title) => `**${title}**`), counts(report)].join(", ")}`;
}

export function toMarkdown(report: Report): string {
  const { errors, effects, warnings, changes, putBack, left, notes } = report;
  const about = [...new Set(notes.map(({ kind, name }) => `${kind} ${name}`))];
  const details = about.flatMap((each) => [
    each,
    ...notes
      .filter(({ kind, name }) => `${kind} ${name}` === each)
      .flatMap(({ text }) => text.split("\n").map((line) => `  ${line}`)),
  ]);
  const lines = [
    `## ${headline(report)}`,
    "",
    ...section(
      "Refused",
      fenced(
        "",
        errors.map(({ kind, name, text }) => `${kind} ${name}: ${text}`).flatMap((text) => text.split("\n")),
      ),
    ),
    ...EFFECTS.flatMap((effect) => section(effectTitle(effect), bullets(effects[effect]))),
    ...section("Warnings", bullets(warnings)),
    ...section("Changes", fenced("diff", changes.flatMap(changeLines))),
    ...section("Changed by hand since the last update, and put back", fenced("diff", putBack.flatMap(changeLines))),
    ...section("Changed by hand since the last update, and left so", fenced("diff", left.flatMap(changeLines))),
    ...(details.length > 0
      ? ["<details><summary>In detail</summary>", "", ...fenced("", details), "", "</details>", ""]
      : []),
  ];
  return cut(lines);
}

function cut(lines: string[]): string {
  const text = lines.join("\n");
  if (text.length <= LONGEST) return text;
  const kept = text.slice(0, LONGEST);
  const fences = kept.split("\n").filter((line) => FENCE.test(line));
  const open = fences.length % 2 === 1 ? `\n${FENCE.exec(fences.at(-1) ?? "")?.[1]}` : "";
  return `${kept}\n...${open}\n\nThe rest is in the output of the preview: this is as much as a comment can hold.\n`;
}
