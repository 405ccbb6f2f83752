import { HAZARDS, hazardIn, type Hazard } from "../provider/hazard";
import { oneLine } from "../provider/visible-text";
import type { Events, Message, Op, Step, Value } from "./events";

// Pure: what a reviewer wants to know of a preview, out of what the engine tells.

/** A resource as people call it. */
export interface Subject {
  /** Such as `CronJob`. */
  kind: string;
  name: string;
}

/** A message and what it is about. */
export interface Told extends Subject {
  text: string;
}

export interface Change extends Subject {
  urn: string;
  op: Op;
  /** Not there any more. */
  gone: boolean;
  values: Value[];
}

export interface Report {
  stack: string;
  /** Why the change is refused. */
  errors: Told[];
  hazards: Record<Hazard, Told[]>;
  warnings: Told[];
  changes: Change[];
  /** Changes that bring back what the last update has left, and somebody has changed by hand since. */
  putBack: Change[];
  /** What was changed by hand and stays so, as the stack file has it now, or leaves it alone. */
  left: Change[];
  /** What else the resources say of their changes. */
  notes: Told[];
  unchanged: number;
}

/** They keep books for others, which tell what it means. */
const SILENT = ["Inventory", "Protection"];
/** What they say tells more than their properties. */
const TELLING = ["Server", "Configuration", "Migrations", "Library"];

export function subjectOf(urn: string): Subject {
  const [, , types = "", ...name] = urn.split("::");
  return { kind: types.split(/[:/$]/).pop() ?? "", name: name.join("::") };
}

/** Why a change is refused, with the resource that says it. */
export const errorText = ({ kind, name, text }: Told): string =>
  kind === "" ? text : `${kind} ${oneLine(name)}: ${text}`;

function changeOf({ op, urn, gone, values }: Step): Change {
  const subject = subjectOf(urn);
  return { ...subject, urn, op, gone, values: TELLING.includes(subject.kind) ? [] : values };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Does the change do nothing but undo what a refresh has found? */
function undoes({ op, values }: Step, found: Step | undefined): boolean {
  if (!found) return false;
  if (op === "create") return found.gone;
  return values.every(({ path, before, after }) => {
    const now = found.values.find((each) => each.path === path);
    return now !== undefined && same(now.before, after) && same(now.after, before);
  });
}

const toldOf = ({ urn, text }: Message): Told => ({ ...subjectOf(urn), text });

export function makeReport(stack: string, { steps, messages, unchanged }: Events): Report {
  const visible = steps.filter(({ urn }) => !SILENT.includes(subjectOf(urn).kind));
  const found = visible.filter(({ op }) => op === "refresh");
  const planned = visible.filter(({ op }) => op !== "refresh");
  const putBack = planned.filter((step) =>
    undoes(
      step,
      found.find(({ urn }) => urn === step.urn),
    ),
  );
  const told = messages.map((message) => ({ ...message, ...hazardIn(message.text) }));
  const plain = told.filter(({ hazard }) => !hazard);
  const of = (severity: Message["severity"]) => plain.filter((each) => each.severity === severity).map(toldOf);
  const hazards = HAZARDS.map((hazard) => [hazard, told.filter((each) => each.hazard === hazard).map(toldOf)]);
  return {
    stack,
    // The stack itself only says that there was one.
    errors: of("error").filter(({ text }) => !/^(preview|update) failed$/.test(text)),
    hazards: Object.fromEntries(hazards) as Report["hazards"],
    warnings: of("warning"),
    changes: planned.filter((step) => !putBack.includes(step)).map(changeOf),
    putBack: putBack.map(changeOf),
    left: found.filter(({ urn }) => !planned.some((step) => step.urn === urn)).map(changeOf),
    notes: of("info"),
    unchanged,
  };
}
