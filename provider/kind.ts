import type { AnyDeclaration } from "./declaration";
import type { Hazard } from "./hazard";
import type { Host } from "./host";

/** Plain JSON properties as engine and plugin exchange them (the engine unwraps secrets). */
export type Properties = Record<string, unknown>;

/** A problem with one input; `property` is its path in the resource's inputs. */
export interface Failure {
  property: string;
  reason: string;
}

/** The object was created or changed, but is unhealthy: its state is kept with the error, and the next update retries. */
export class Incomplete extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly state: object,
  ) {
    super(message);
  }
}

/** The operation that a handler is part of. */
export interface Operation {
  urn: string;
  /** The resource's name in the program. */
  name: string;
  /** True in a preview, which must change nothing. */
  preview: boolean;
  /** Shows a message under the resource, also in a preview; each further line is an argument. */
  info(first: string, ...lines: string[]): void;
  warn(first: string, ...lines: string[]): void;
  /** Reports a hazard of the change; loss of data is a warning. */
  hazard(hazard: Hazard, first: string, ...lines: string[]): void;
  /** The Docker host, and the container that runs PostgreSQL. */
  host: Host;
}

/**
 * A kind of resource. `I` are its inputs. The state `S` holds the values in effect under the names of the inputs, and outputs.
 * The framework compares inputs and state to get the diff. A refresh runs before every preview and update (refreshBeforeUpdate),
 * so a preview reports the current server, not the result of the last update.
 */
export interface Kind<I extends object, S extends I> {
  /** How a program declares it. */
  declaration: AnyDeclaration;
  /** Inputs whose change replaces the object; other inputs are changed in place. */
  replaceOn?: (keyof I & string)[];
  /** Inputs that control the operation and do not describe the object: they are never a difference. */
  notCompared?: (keyof I & string)[];
  /** Inputs whose absence means none: a value in the state without an input is a difference. */
  noneIfAbsent?: (keyof I & string)[];
  /** Inputs or a state that an earlier version may have written, with the names of this version. */
  currentNames?(values: Properties): Properties;
  /** The state to compare with the inputs; if absent, the state itself. */
  compared?(state: S, inputs: I): S;
  /** Returns problems of the inputs that the validation of the stack file cannot see. */
  check?(inputs: I, operation: Operation): Promise<Failure[]> | Failure[];
  /** Reports, in previews and updates, the effects and hazards of the change; throws to refuse it. */
  explain?(old: S | undefined, inputs: I, operation: Operation): Promise<void> | void;
  /** Creates the object. In a preview, returns the outputs that are already known. */
  create(inputs: I, operation: Operation): Promise<{ id: string; state: S }>;
  /** Reads the current object; undefined if it does not exist. Returns `state` unchanged if the server cannot be read. */
  read(id: string, state: S, inputs: I, operation: Operation): Promise<S | undefined>;
  update(id: string, old: S, inputs: I, operation: Operation): Promise<S>;
  delete(id: string, state: S, operation: Operation): Promise<void>;
}

/** A kind as the framework sees it. */
export type AnyKind = Kind<Properties, Properties>;

/** The inputs of a resource: those of the program, and those that the kind adds. */
export function checkedInputs({ declaration: { wanted = {} } }: AnyKind, declared: Properties): Properties {
  const added = Object.entries(wanted).map(([name, value]) => [name, value(declared as never)] as const);
  return { ...declared, ...Object.fromEntries(added.filter(([, value]) => value !== undefined)) };
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

/** Lists the paths at which two values differ. Arrays are compared as a whole: a changed list is one difference. */
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

/** A JSON value with the keys of its objects in order. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
