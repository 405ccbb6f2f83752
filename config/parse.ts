import type { z } from "zod";
import { stackSchema, type Stack } from "./stack";
import { crossCheck } from "./cross-check";

/** One thing that is wrong in the stack file. */
export interface Problem {
  /** Path of the key, such as server.memory. */
  key: string;
  text: string;
}

/** The stack file is wrong; nothing has been changed. */
export class StackError extends Error {
  constructor(readonly problems: Problem[]) {
    const lines = problems.map(({ key, text }) => `  pgwright:${key}: ${text}`);
    super(`the stack file has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${lines.join("\n")}`);
    this.name = "StackError";
  }
}

function path(parts: PropertyKey[]): string {
  return parts
    .map((part, i) => (typeof part === "number" ? `[${part}]` : /^[\w-]+$/.test(String(part)) ? `${i ? "." : ""}${String(part)}` : `["${String(part)}"]`))
    .join("");
}

function at(input: unknown, parts: PropertyKey[]): unknown {
  return parts.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], input);
}

function allowedKeys(parts: PropertyKey[]): string {
  let schema: unknown = stackSchema;
  for (const part of parts) schema = child(schema, part);
  const shape = (unwrapped(schema) as { shape?: object }).shape;
  return shape ? `; allowed here: ${Object.keys(shape).join(", ")}` : "";
}

// Optional, default, record and so on hide the object whose keys we want to list.
function unwrapped(schema: unknown): unknown {
  const definition = (schema as { def?: { innerType?: unknown; type?: string } }).def;
  return definition?.innerType ? unwrapped(definition.innerType) : schema;
}

function child(schema: unknown, part: PropertyKey): unknown {
  const inner = unwrapped(schema) as { shape?: Record<PropertyKey, unknown>; def?: { valueType?: unknown; element?: unknown } };
  return inner.shape?.[part] ?? inner.def?.valueType ?? inner.def?.element ?? {};
}

function problems(issue: z.core.$ZodIssue, input: unknown): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ key: path([...issue.path, key]), text: `unknown key${allowedKeys(issue.path)}` }));
  }
  if (issue.code === "invalid_key") return issue.issues.map((each) => ({ key: path(issue.path), text: each.message }));
  const value = at(input, issue.path);
  const shown = value === undefined ? "is missing" : JSON.stringify(value);
  return [{ key: path(issue.path), text: `${shown}: ${issue.message.replace(/^Invalid (input|option): /, "")}` }];
}

/** Parses what the stack file says; a StackError lists everything that is wrong at once. */
export function parseStack(input: unknown): Stack {
  const parsed = stackSchema.safeParse(input);
  if (!parsed.success) throw new StackError(parsed.error.issues.flatMap((issue) => problems(issue, input)));
  const contradictions = crossCheck(parsed.data);
  if (contradictions.length > 0) throw new StackError(contradictions);
  return parsed.data;
}
