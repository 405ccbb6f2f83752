import { HAZARDS, hazardTitle } from "../provider/hazard";
import { linesOf } from "../provider/visible-text";
import { bullet, document, fenced, listed } from "./blocks";
import { changeLines } from "./lines";
import { errorText, type Change, type Report, type Told } from "./report";

// Pure: a report as a comment of a pull request.

const bullets = (told: Told[]): string[] => [...new Set(told.map(({ text }) => bullet(text)))];

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
  const { stack, errors, hazards } = report;
  const heard = HAZARDS.filter((hazard) => hazards[hazard].length > 0).map(hazardTitle);
  const refused = errors.length > 0 ? ["**refused**"] : [];
  return `\`${stack}\`: ${[...refused, ...heard.map((title) => `**${title}**`), counts(report)].join(", ")}`;
}

/** Notes by the resource that they are about. */
function detailsOf(notes: Told[]): string[] {
  const subject = ({ kind, name }: Told) => `${kind} ${name}`;
  return [...new Set(notes.map(subject))].flatMap((about) => [
    about,
    ...notes.filter((note) => subject(note) === about).flatMap(({ text }) => linesOf(text).map((line) => `  ${line}`)),
  ]);
}

export function toMarkdown(report: Report): string {
  const { errors, hazards, warnings, changes, putBack, left, notes } = report;
  const diff = (title: string, list: Change[]) => fenced([`### ${title}`], "diff", list.flatMap(changeLines));
  return document(`## ${headline(report)}`, [
    ...fenced(
      ["### Refused"],
      "",
      errors.flatMap((error) => linesOf(errorText(error))),
    ),
    ...HAZARDS.flatMap((hazard) => listed(hazardTitle(hazard), bullets(hazards[hazard]))),
    ...listed("Warnings", bullets(warnings)),
    ...diff("Changes", changes),
    ...diff("Changed by hand since the last update, and put back", putBack),
    ...diff("Changed by hand since the last update, and left so", left),
    ...fenced(["<details><summary>In detail</summary>"], "", detailsOf(notes), ["</details>", ""]),
  ]);
}
