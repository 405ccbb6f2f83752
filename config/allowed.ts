import { z } from "zod";

/** A part of a JSON Schema, as zod writes it, as far as it is used here. */
export interface Shape {
  type?: string | string[];
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  /** In words, what a pattern allows (see config/stack.ts). */
  allowed?: string;
  items?: Shape;
  anyOf?: Shape[];
  properties?: Record<string, Shape>;
  required?: string[];
  propertyNames?: Shape;
  additionalProperties?: Shape | boolean;
}

/** The shape of what somebody may write for a schema. */
export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: "input", target: "draft-7" }) as Shape;
}

/** The shape of what lies at a path: a key of a map, any name of a record, any element of a list. */
export function shapeAt(shape: Shape | undefined, path: PropertyKey[]): Shape | undefined {
  return path.reduce<Shape | undefined>((at, part) => {
    const named = at?.properties?.[String(part)];
    if (named) return named;
    return typeof at?.additionalProperties === "object" ? at.additionalProperties : at?.items;
  }, shape);
}

function range(what: string, { minimum, maximum }: Shape): string {
  const from = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const to = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (from !== undefined && to !== undefined) return `${what} from ${from} to ${to}`;
  if (from !== undefined) return `${what} of at least ${from}`;
  return to === undefined ? what : `${what} of at most ${to}`;
}

/** What is allowed, in words that finish "write ...". */
export function describeShape(shape: Shape | undefined): string {
  if (!shape) return "something else";
  if (shape.allowed) return shape.allowed;
  if (shape.enum) return shape.enum.length === 1 ? String(shape.enum[0]) : `one of ${shape.enum.join(", ")}`;
  if (shape.anyOf) return shape.anyOf.map(describeShape).join(" or ");
  switch (shape.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return range("a whole number", shape);
    case "number":
      return range("a number", shape);
    case "string":
      return "a text";
    case "array":
      return `a list, each ${describeShape(shape.items)}`;
    case "object":
      if (!shape.properties)
        return `a map by name, each ${typeof shape.additionalProperties === "object" ? describeShape(shape.additionalProperties) : "a text"}`;
      return `a map with ${shape.required ? `${shape.required.join(", ")} and any of ` : ""}${optionalKeys(shape).join(", ")}`;
    default:
      return "something else";
  }
}

function optionalKeys({ properties = {}, required = [] }: Shape): string[] {
  return Object.keys(properties).filter((name) => !required.includes(name));
}
