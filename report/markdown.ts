import { HAZARDS, hazardTitle } from "../provider/hazard";
import { linesOf } from "../provider/visible-text";
import { bullet, document, fenced, listed } from "./blocks";
import { changeLines } from "./lines";
import { errorText, type Change, type Report, type ResourceMessage } from "./report";

// Pure: formats a report as a comment on a pull request.

const bullets = (messages: ResourceMessage[]): string[] => [...new Set(messages.map(({ text }) => bullet(text)))];

function counts({ changes, putBack }: Report): string {
  const labels = { create: "to create", update: "to update", replace: "to replace", delete: "to delete" } as const;
  const parts = Object.entries(labels).flatMap(([op, label]) => {
    const n = changes.filter((change) => change.op === op).length;
    return n > 0 ? [`${n} ${label}`] : [];
  });
  if (putBack.length > 0) parts.push(`${putBack.length} to revert`);
  return parts.length > 0 ? parts.join(", ") : "no changes";
}

export function headline(report: Report): string {
  const { stack, errors, hazards } = report;
  const titles = HAZARDS.filter((hazard) => hazards[hazard].length > 0).map(hazardTitle);
  const refused = errors.length > 0 ? ["**refused**"] : [];
  return `\`${stack}\`: ${[...refused, ...titles.map((title) => `**${title}**`), counts(report)].join(", ")}`;
}

/** Notes, grouped by resource. */
function detailsOf(notes: ResourceMessage[]): string[] {
  const subject = ({ kind, name }: ResourceMessage) => `${kind} ${name}`;
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
    ...diff("Drift that the update reverts", putBack),
    ...diff("Drift that stays", left),
    ...fenced(["<details><summary>In detail</summary>"], "", detailsOf(notes), ["</details>", ""]),
  ]);
}
