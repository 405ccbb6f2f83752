import { z } from "zod";

/** The keywords of JSON Schema that are used here, as zod writes them. */
export interface Shape {
  type?: string | string[];
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
  /** Description of what a pattern allows (see config/key.ts). */
  allowed?: string;
  items?: Shape;
  anyOf?: Shape[];
  properties?: Record<string, Shape>;
  required?: string[];
  propertyNames?: Shape;
  additionalProperties?: Shape | boolean;
}

/** The shape of the input that a schema accepts. */
export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, { io: "input", target: "draft-7" }) as Shape;
}

/** The shape at a path: a key of a map, any name of a record, any element of a list. */
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

/** Describes the allowed values, as the object of "write ...". */
export function describeShape(shape: Shape | undefined): string {
  if (!shape) return "another value";
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
      return "a string";
    case "array":
      return `a list, each ${describeShape(shape.items)}`;
    case "object":
      if (!shape.properties)
        return `a map by name, each ${typeof shape.additionalProperties === "object" ? describeShape(shape.additionalProperties) : "a string"}`;
      return `a map with ${shape.required ? `${shape.required.join(", ")} and any of ` : ""}${optionalKeys(shape).join(", ")}`;
    default:
      return "another value";
  }
}

function optionalKeys({ properties = {}, required = [] }: Shape): string[] {
  return Object.keys(properties).filter((name) => !required.includes(name));
}
