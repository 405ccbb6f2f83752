import { roleInputs } from "../components/roles";
import { roleSchema } from "../config/roles";
import type { StackInput } from "../config/stack";
import { DURATION } from "../config/units";
import type { RoleFact } from "../provider/kinds/role/catalog";
import { KEPT, observed } from "../provider/kinds/role/compare";
import { changes } from "../provider/kinds/role/statements";
import type { RoleInputs } from "../provider/kinds/role/inputs";
import { canonicalValue } from "../tuning/catalogue";
import type { Report } from "./report";

// Pure: roles of the catalog as a stack file declares them.

export type RoleWritten = NonNullable<StackInput["roles"]>[string];

const FLAGS = ["createDatabase", "createRole", "replication", "bypassRowLevelSecurity"] as const;

/** The stack file's form of a value of statement_timeout. */
function duration(value: string): string {
  if (DURATION.test(value)) return value;
  return `${canonicalValue("statement_timeout", value)}ms`;
}

/** Groups for memberOf: those that the role inherits from or can SET ROLE to. */
function groupsOf({ memberships }: RoleFact, nameable: (role: string) => boolean): string[] {
  const used = memberships.filter(({ group, inherit, set }) => (inherit || set) && nameable(group));
  return [...new Set(used.map(({ group }) => group))].sort();
}

function writeRole(fact: RoleFact, memberOf: string[]): RoleWritten {
  const is = observed(fact, { ...(roleInputs(fact.name, roleSchema.parse({}), []) as RoleInputs), verifier: KEPT });
  return {
    ...(fact.login ? { login: true } : {}),
    ...(fact.verifier !== null ? { password: "keep" as const } : fact.login ? { password: false } : {}),
    ...(memberOf.length > 0 ? { memberOf } : {}),
    ...(fact.connectionLimit === -1 ? {} : { connectionLimit: fact.connectionLimit }),
    ...(is.validUntil === undefined ? {} : { validUntil: is.validUntil }),
    ...(is.searchPath === undefined ? {} : { searchPath: is.searchPath }),
    ...(is.statementTimeout === undefined ? {} : { statementTimeout: duration(is.statementTimeout) }),
    ...(Object.keys(is.settings).length === 0 ? {} : { settings: is.settings }),
    ...(fact.inherit ? {} : { inherit: false }),
    ...Object.fromEntries(FLAGS.filter((flag) => fact[flag]).map((flag) => [flag, true])),
  };
}

/** The statements that change an existing role to its declaration. */
export function roleChanges(fact: RoleFact, written: RoleWritten, declaredRoles: string[]): string[] {
  const inputs = { ...roleInputs(fact.name, roleSchema.parse(written), declaredRoles), superuser: false, byHand: [] };
  return changes(fact, inputs).map(({ shown }) => shown);
}

/** The roles that a stack file can declare, which excludes superusers. */
export function writeRoles(facts: RoleFact[], report: Report): Record<string, RoleWritten> {
  const declared = facts.filter(({ superuser }) => !superuser).sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = declared.map(({ name }) => name);
  const nameable = (role: string) => names.includes(role) || role === "postgres" || role.startsWith("pg_");
  for (const { name } of facts.filter(({ superuser }) => superuser)) {
    report.addNote(
      ["roles"],
      `superuser ${name} is not managed: a stack file declares no superusers; to declare the role, run ALTER ROLE ${name} NOSUPERUSER and adopt again`,
    );
  }
  return Object.fromEntries(
    declared.map((fact) => {
      if (fact.verifier?.startsWith("md5")) {
        report.addNote(
          ["roles", fact.name],
          "its password is stored as md5, and pg_hba.conf of the stack requires scram-sha-256: the role cannot connect until the " +
            "password is set again there (\\password in npm run psql)",
        );
      }
      return [fact.name, writeRole(fact, groupsOf(fact, nameable))];
    }),
  );
}
