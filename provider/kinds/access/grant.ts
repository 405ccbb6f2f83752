import { writeSchema, writeObjectName } from "../../../config/object-name";
import { type ObjectKind, type ContentKind, PLURAL } from "./catalog";

// Declared privileges, and their labels in previews and the state.

/** Privileges of one role on one object, or on all objects of a kind in a schema. */
export interface Grant {
  role: string;
  /** "database", "schema", one object, or "all" of a kind in a schema, future ones included. */
  on: { kind: ObjectKind; schema: string; name: string } | { all: ContentKind; schema: string };
  privileges: string[];
}

/** Privileges by role and object: `reader: all tables in data` -> INSERT and SELECT. */
export type Description = Record<string, string[]>;

/** As a preview shows it. Texts, not lists, because Pulumi shows changes of a list by index. */
export function formatDescription(description: Description): Record<string, string> {
  return Object.fromEntries(Object.entries(description).map(([label, list]) => [label, [...list].sort().join(", ")]));
}

/** The declared privileges as a preview shows them. */
export const formatGrants = (grants: Grant[]): Record<string, string> =>
  formatDescription(Object.fromEntries(grants.map((grant) => [labelOf(grant), grant.privileges])));

/** As lines: `reader: table data.t: SELECT`. */
export const linesOf = (description: Description): string[] =>
  Object.entries(formatDescription(description)).map(([label, privileges]) => `${label}: ${privileges}`);

/** Label of a grant in previews and the state, such as `reader: all tables in data`. */
export function labelOf({ role, on }: Omit<Grant, "privileges">): string {
  if ("all" in on) return `${role}: all ${PLURAL[on.all]} in ${on.schema}`;
  if (on.kind === "database") return `${role}: database`;
  return `${role}: ${objectLabel(on)}`;
}

/** Label of one object, such as `table data.t`. */
export function objectLabel({ kind, schema, name }: { kind: string; schema: string; name: string }): string {
  if (schema === "" || kind === "schema") return `${kind} ${name}`;
  // The name of a function is quoted already, and has its argument types.
  return `${kind} ${kind === "function" ? writeSchema(schema) + name : writeObjectName({ schema, name })}`;
}
