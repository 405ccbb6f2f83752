import { HAZARDS, hazardIn, type Hazard } from "../provider/hazard";
import { nameOf, typeOf } from "../provider/urn";
import { oneLine } from "../provider/visible-text";
import type { Events, Message, Op, Step, Value } from "./events";

// Pure: makes the report of a preview for a reviewer from the engine's events.

/** The type and name of a resource, for people. */
export interface Subject {
  /** The last part of its type, such as `CronJob`. */
  kind: string;
  name: string;
}

/** A message of a resource. */
export interface ResourceMessage extends Subject {
  text: string;
}

export interface Change extends Subject {
  urn: string;
  op: Op;
  /** It no longer exists on the server. */
  gone: boolean;
  values: Value[];
}

export interface Report {
  stack: string;
  /** Why the preview fails. */
  errors: ResourceMessage[];
  hazards: Record<Hazard, ResourceMessage[]>;
  warnings: ResourceMessage[];
  changes: Change[];
  /** Changes that revert drift: the server differs from the last update, the stack file does not. */
  putBack: Change[];
  /** Drift that stays, because the stack file declares it now or does not manage it. */
  left: Change[];
  /** Other messages of the resources about their changes. */
  notes: ResourceMessage[];
  unchanged: number;
}

/** Bookkeeping resources, whose changes other resources report. */
const BOOKKEEPING = ["Inventory", "Protection"];
/** Resources whose messages say more than their properties. */
const WITHOUT_VALUES = ["Server", "Configuration", "Migrations", "Library"];

export function subjectOf(urn: string): Subject {
  return { kind: typeOf(urn).split(/[:/]/).pop() ?? "", name: nameOf(urn) };
}

/** An error with the resource that reports it. */
export const errorText = ({ kind, name, text }: ResourceMessage): string =>
  kind === "" ? text : `${kind} ${oneLine(name)}: ${text}`;

function changeOf({ op, urn, gone, values }: Step): Change {
  const subject = subjectOf(urn);
  return { ...subject, urn, op, gone, values: WITHOUT_VALUES.includes(subject.kind) ? [] : values };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** Whether a change only reverts what a refresh has found. */
function reverts({ op, values }: Step, found: Step | undefined): boolean {
  if (!found) return false;
  if (op === "create") return found.gone;
  return values.every(({ path, before, after }) => {
    const now = found.values.find((each) => each.path === path);
    return now !== undefined && same(now.before, after) && same(now.after, before);
  });
}

const withSubject = ({ urn, text }: Message): ResourceMessage => ({ ...subjectOf(urn), text });

export function makeReport(stack: string, { steps, messages, unchanged }: Events): Report {
  const visible = steps.filter(({ urn }) => !BOOKKEEPING.includes(subjectOf(urn).kind));
  const found = visible.filter(({ op }) => op === "refresh");
  const planned = visible.filter(({ op }) => op !== "refresh");
  const putBack = planned.filter((step) =>
    reverts(
      step,
      found.find(({ urn }) => urn === step.urn),
    ),
  );
  const classified = messages.map((message) => ({ ...message, ...hazardIn(message.text) }));
  const plain = classified.filter(({ hazard }) => !hazard);
  const of = (severity: Message["severity"]) => plain.filter((each) => each.severity === severity).map(withSubject);
  const hazards = HAZARDS.map((hazard) => [
    hazard,
    classified.filter((each) => each.hazard === hazard).map(withSubject),
  ]);
  return {
    stack,
    // The stack itself reports only that there was an error.
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
