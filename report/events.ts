// Pure: reads the event log of Pulumi's engine (--event-log FILE, an event a line), as far as a report needs it.

export type Op = "create" | "update" | "replace" | "delete" | "refresh";

/** A property before and after a change; undefined: absent. */
export interface Value {
  /** Pulumi's property path, such as `parameters.work_mem` or `privileges["app: database"]`. */
  path: string;
  before: unknown;
  after: unknown;
}

/** A planned change of a resource; with `refresh`, a change that was found on the server. */
export interface Step {
  op: Op;
  urn: string;
  /** A refresh has not found it on the server. */
  gone: boolean;
  values: Value[];
}

export interface Message {
  urn: string;
  severity: "info" | "warning" | "error";
  text: string;
}

export interface Events {
  steps: Step[];
  messages: Message[];
  /** Number of resources without a change. */
  unchanged: number;
  /** The outputs of the stack change. */
  outputsChange: boolean;
}

interface State {
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

interface Metadata {
  op: string;
  urn: string;
  old?: State;
  new?: State;
  detailedDiff?: Record<string, unknown> | null;
}

interface EngineEvent {
  resourcePreEvent?: { metadata: Metadata };
  resOutputsEvent?: { metadata: Metadata };
  diagnosticEvent?: { urn?: string; severity: string; message: string };
  summaryEvent?: { resourceChanges?: Record<string, number> };
}

const CHANGES = ["create", "update", "replace", "delete"];

/** The value at a property path; undefined if absent. */
export function valueAt(value: unknown, path: string): unknown {
  const steps = path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g);
  let found = value;
  for (const [, quoted, index, plain] of steps) {
    const key = quoted === undefined ? (index ?? plain ?? "") : (JSON.parse(`"${quoted}"`) as string);
    found = typeof found === "object" && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  }
  return found;
}

function valuesOf({ detailedDiff }: Metadata, before: unknown, after: unknown): Value[] {
  return Object.keys(detailedDiff ?? {})
    .sort()
    .map((path) => ({ path, before: valueAt(before, path), after: valueAt(after, path) }));
}

function changeOf({ resourcePreEvent }: EngineEvent): Step[] {
  const { metadata } = resourcePreEvent ?? {};
  if (!metadata || !CHANGES.includes(metadata.op)) return [];
  const values = valuesOf(metadata, metadata.old?.outputs, metadata.new?.inputs);
  return [{ op: metadata.op as Op, urn: metadata.urn, gone: false, values }];
}

/** Changes of undeclared privileges that are not managed: they are in no input, so that the engine does not compare them. */
function furtherOf({ old, new: now }: Metadata): Value[] {
  const [before, after] = [old?.outputs?.further, now?.outputs?.further] as (Record<string, string> | undefined)[];
  if (!before || !after) return [];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys
    .filter((key) => before[key] !== after[key])
    .map((key) => ({ path: `further[${JSON.stringify(key)}]`, before: before[key], after: after[key] }));
}

/** The change of a resource that a refresh has found, if any. */
function foundOf({ resOutputsEvent }: EngineEvent): Step[] {
  const { metadata } = resOutputsEvent ?? {};
  if (!metadata) return [];
  const values = [...valuesOf(metadata, metadata.old?.outputs, metadata.new?.outputs), ...furtherOf(metadata)];
  const gone = metadata.old !== undefined && !metadata.new;
  return values.length > 0 || gone ? [{ op: "refresh", urn: metadata.urn, gone, values }] : [];
}

function stepsOf(events: EngineEvent[]): Step[] {
  // In a run that only refreshes, an event that begins as a refresh ends as an update or a delete.
  const begun = new Map<string, string>();
  return events.flatMap((event) => {
    const { metadata } = event.resourcePreEvent ?? {};
    if (metadata) begun.set(metadata.urn, metadata.op);
    const ended = event.resOutputsEvent?.metadata.urn;
    return ended !== undefined && begun.get(ended) === "refresh" ? foundOf(event) : changeOf(event);
  });
}

function messageOf({ diagnosticEvent }: EngineEvent): Message[] {
  const { urn = "", severity = "", message = "" } = diagnosticEvent ?? {};
  const text = message.trim().replace(/^(error|warning): /, "");
  if (text === "" || !["info", "warning", "error"].includes(severity)) return [];
  return [{ urn, severity: severity as Message["severity"], text }];
}

const STACK = "::pulumi:pulumi:Stack::";

function stackOutputsChange({ resOutputsEvent }: EngineEvent): boolean {
  const { metadata } = resOutputsEvent ?? {};
  if (!metadata?.urn.includes(STACK) || !metadata.new) return false;
  return JSON.stringify(metadata.old?.outputs ?? {}) !== JSON.stringify(metadata.new.outputs ?? {});
}

/** Whether an update after this preview would change anything, on the server or in the state. */
export const changesAnything = ({ steps, outputsChange }: Events): boolean => steps.length > 0 || outputsChange;

export function readEvents(log: string): Events {
  const events = log
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as EngineEvent);
  const summary = events.find(({ summaryEvent }) => summaryEvent)?.summaryEvent;
  return {
    steps: stepsOf(events),
    messages: events.flatMap(messageOf),
    unchanged: summary?.resourceChanges?.same ?? 0,
    outputsChange: events.some(stackOutputsChange),
  };
}
