import { parseFunctionName, parseObjectName } from "../object-name";
import { needsRole, needsSchema, type Rule } from "./rule";

/** Roles, schemas and objects that grants name. */
export const checkGrants: Rule = (stack, report) => {
  for (const [name, { grants }] of Object.entries(stack.databases)) {
    for (const [role, grant] of Object.entries(grants)) {
      const at = `databases.${name}.grants.${role}`;
      needsRole(stack, report, at, role, ["public"]);
      for (const schema of Object.keys(grant.schemas))
        needsSchema(stack, report, `${at}.schemas.${schema}`, name, schema);
      for (const kind of ["tables", "sequences", "functions"] as const) {
        for (const object of Object.keys(grant[kind])) {
          const key = `${at}.${kind}["${object}"]`;
          const parsed = kind === "functions" ? parseFunctionName(object) : parseObjectName(object);
          if (parsed) needsSchema(stack, report, key, name, parsed.schema);
          else
            report(
              key,
              `write schema.name${kind === "functions" ? "(argument types)" : ""}; "a.b".name for a schema a.b`,
            );
        }
      }
    }
  }
};
