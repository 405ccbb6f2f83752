import type { Hazard } from "./hazard";
import type { Host } from "./host";

/** What Pulumi sends for a value that is not known before the update has run. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Plain JSON properties, as they travel between engine and plugin (secrets are unwrapped by the engine). */
export type Properties = Record<string, unknown>;

/** A problem with one input; `property` is its path in the resource's inputs. */
export interface Failure {
  property: string;
  reason: string;
}

/** What was made, or changed, is there, and something is wrong with it: the state is kept with the error, and the next update comes back to it. */
export class Incomplete extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly state: object,
  ) {
    super(message);
  }
}

/** What a handler knows of the operation that it is part of. */
export interface Operation {
  urn: string;
  /** The resource's name in the program. */
  name: string;
  /** True while a preview runs: nothing may be changed. */
  preview: boolean;
  /** A message that Pulumi shows under the resource, also in a preview; further lines of it are arguments of their own. */
  info(first: string, ...lines: string[]): void;
  warn(first: string, ...lines: string[]): void;
  /** Says what it means for those who use the server; loss of data is a warning. */
  hazard(hazard: Hazard, first: string, ...lines: string[]): void;
  /** The container that runs PostgreSQL, and the way into its databases. */
  host: Host;
}

/**
 * A kind of resource. `I` are its inputs; the state `S` holds, under the names of the inputs, what is really there, and
 * outputs besides. The framework compares both: what differs is the diff, and a refresh runs before every preview and
 * update (refreshBeforeUpdate), so that a preview speaks of the server as it is and not as it was left.
 */
export interface Kind<I extends object, S extends I> {
  /** Inputs whose change needs a new object; the others are changed in place. */
  replaceOn?: (keyof I & string)[];
  /** Inputs that say how to act, not what should be there: they never are a difference. */
  notCompared?: (keyof I & string)[];
  /** Inputs without which there should be nothing: what is there although they are absent is a difference. */
  noneIfAbsent?: (keyof I & string)[];
  /** The state that is compared with these inputs, where that is not simply the state. */
  compared?(state: S, inputs: I): S;
  /** Says what is wrong with the inputs, beyond what the program's own validation has seen. */
  check?(inputs: I, operation: Operation): Promise<Failure[]> | Failure[];
  /** Shown in previews and updates beside the property diff: what the change will do, in words. */
  explain?(old: S | undefined, inputs: I, operation: Operation): Promise<void> | void;
  /** Makes the object. In a preview: returns what is known of the outputs already. */
  create(inputs: I, operation: Operation): Promise<{ id: string; state: S }>;
  /** Reads what is there now; undefined when it is gone. When it cannot be known, returns `state` as it is. */
  read(id: string, state: S, inputs: I, operation: Operation): Promise<S | undefined>;
  update(id: string, old: S, inputs: I, operation: Operation): Promise<S>;
  delete(id: string, state: S, operation: Operation): Promise<void>;
}

/** One property that differs. */
export interface Difference {
  /** Pulumi's property path, such as `parameters.work_mem` or `schemas["my.schema"]`. */
  path: string;
  kind: "add" | "update" | "delete";
}

function step(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists where two values differ. Arrays are compared whole: a list that changed is one difference. */
export function differences(actual: unknown, wanted: unknown, path = ""): Difference[] {
  if (isRecord(actual) && isRecord(wanted)) {
    const keys = [...new Set([...Object.keys(actual), ...Object.keys(wanted)])].sort();
    return keys.flatMap((key) => differences(actual[key], wanted[key], path + step(key)));
  }
  const at = path.replace(/^\./, "");
  if (actual === undefined && wanted === undefined) return [];
  if (actual === undefined) return [{ path: at, kind: "add" }];
  if (wanted === undefined) return [{ path: at, kind: "delete" }];
  return JSON.stringify(sorted(actual)) === JSON.stringify(sorted(wanted)) ? [] : [{ path: at, kind: "update" }];
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
