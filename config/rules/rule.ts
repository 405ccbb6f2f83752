import type { Problem } from "../problem";
import type { Stack, TunedStack } from "../stack";

/** Notes a problem with the value of a key. */
export type Report = (key: Problem["key"], text: Problem["text"]) => void;

/** The keys of a stack file; without `tuning` if the settings of the server are invalid. */
export type CheckedStack = Stack & Partial<TunedStack>;

/** Checks keys against each other that belong to one subject. */
export type Rule = (stack: CheckedStack, report: Report) => void;

/** The bootstrap superuser. */
export const SUPERUSER = "postgres";

export function list(items: string[]): string {
  return items.length > 0 ? items.join(", ") : "none";
}

/** Reports a role that the stack file does not declare; `more`: names that are allowed besides. */
export function needsRole({ roles }: Stack, report: Report, key: string, role: string, more: string[] = []): void {
  const declared = Object.keys(roles);
  if (declared.includes(role) || role === SUPERUSER || more.includes(role)) return;
  report(key, `"${role}": no such role in pgwright:roles; there are ${list(declared)}`);
}

/** Reports a schema that the database does not declare. */
export function needsSchema({ databases }: Stack, report: Report, key: string, database: string, schema: string): void {
  const schemas = ["public", ...Object.keys(databases[database]?.schemas ?? {})];
  if (!schemas.includes(schema))
    report(key, `"${schema}": no such schema in databases.${database}.schemas; there are ${list(schemas)}`);
}

/** A role and the roles whose privileges it inherits. Another rule reports cycles. */
export function inheritedRoles(role: string, stack: Stack, found = new Set<string>()): string[] {
  if (found.has(role)) return [];
  found.add(role);
  const { inherit = true, memberOf = [] } = stack.roles[role] ?? {};
  for (const group of inherit ? memberOf : []) inheritedRoles(group, stack, found);
  return [...found];
}
