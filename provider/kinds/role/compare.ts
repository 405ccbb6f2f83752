import { escapeIdentifier as quoted } from "pg";
import { sameValue } from "../configuration/compare";
import type { RoleFact } from "./catalog";
import type { RoleInputs, RoleState } from "./inputs";
import { declarable, undecidedGroups } from "./memberships";

// Pure: compares a role of the catalog with its declaration.

/** Stands in the state for a verifier that is not the declared one. */
export const ANOTHER_PASSWORD = "another password";

/** Stands for any verifier that `password: keep` leaves unchanged. */
export const KEPT = "kept";

export const FLAGS = {
  login: "LOGIN",
  superuser: "SUPERUSER",
  inherit: "INHERIT",
  createDatabase: "CREATEDB",
  createRole: "CREATEROLE",
  replication: "REPLICATION",
  bypassRowLevelSecurity: "BYPASSRLS",
} as const;
type Flag = keyof typeof FLAGS;
export const flags = Object.keys(FLAGS) as Flag[];

/** Parses a list of identifiers as PostgreSQL writes it: `users, "My Schema"`; an empty path is `""`. */
export function identifiers(list: string): string[] {
  const found = [...list.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)];
  return found.map(([plain, inner]) => inner?.replaceAll('""', '"') ?? plain).filter((name) => name !== "");
}

/** Parameters whose value is a list of quoted names (GUC_LIST_QUOTE); search_path has its own key. */
const LISTS = ["local_preload_libraries", "session_preload_libraries", "temp_tablespaces"];
export const isList = (name: string) => LISTS.includes(name.toLowerCase());

function sameParameter(name: string, a: string, b: string): boolean {
  if (!isList(name)) return sameValue(name, a, b);
  return JSON.stringify(identifiers(a)) === JSON.stringify(identifiers(b));
}

/** A time of the catalog; in the declared form if it is the same time. */
function until(found: string | null, declared: string | undefined): string | undefined {
  if (found === null) return undefined;
  const time = Date.parse(found.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
  if (declared !== undefined && Date.parse(declared) === time) return declared;
  return Number.isNaN(time) ? found : new Date(time).toISOString();
}

/** Parameters set for all databases, with the declared name and value where they are equal. */
function parameters({ settings }: RoleFact, declared: Record<string, string>): Record<string, string> {
  const found = settings.filter(({ database }) => database === null);
  return Object.fromEntries(
    found.map(({ setting }) => {
      const written = setting.slice(0, setting.indexOf("="));
      const value = setting.slice(written.length + 1);
      const name = Object.keys(declared).find((each) => each.toLowerCase() === written.toLowerCase()) ?? written;
      const want = declared[name];
      return [name, want !== undefined && sameParameter(name, want, value) ? want : value];
    }),
  );
}

export const inDatabases = ({ settings }: RoleFact) =>
  settings.flatMap(({ database, setting }) => (database === null ? [] : [{ database, setting }]));

/** Drift of the options of declared memberships, with the statements that revert it. */
export function membershipDrift(fact: RoleFact, inputs: RoleInputs): { drift: string; sql: string }[] {
  const { name, memberOf, inherit } = inputs;
  const role = quoted(name);
  return declarable(fact.memberships, inputs).flatMap((each) => {
    const { group } = each;
    if (!memberOf.includes(group)) return [];
    const [to, from] = [`${quoted(group)} TO ${role}`, `${quoted(group)} FROM ${role}`];
    const by = `GRANTED BY ${quoted(each.grantor)}`;
    return [
      ...(each.admin
        ? [{ drift: `has ADMIN OPTION on ${group}`, sql: `REVOKE ADMIN OPTION FOR ${from} ${by} CASCADE` }]
        : []),
      ...(each.inherit === inherit
        ? []
        : [
            {
              drift: each.inherit
                ? `inherits the privileges of ${group}`
                : `does not inherit the privileges of ${group}`,
              sql: `GRANT ${to} WITH INHERIT ${inherit} ${by}`,
            },
          ]),
      ...(each.set ? [] : [{ drift: `cannot SET ROLE to ${group}`, sql: `GRANT ${to} WITH SET TRUE ${by}` }]),
    ];
  });
}

/** The verifier for the comparison, which never shows one that is not declared. */
function verifierOf({ verifier }: RoleFact, { verifier: declared }: RoleInputs): string | undefined {
  if (verifier === null) return undefined;
  return declared === KEPT || verifier === declared ? declared : ANOTHER_PASSWORD;
}

/** The role of the catalog in the form of the inputs, with the declared names and values where they are equal. */
export function observed(fact: RoleFact, inputs: RoleInputs): RoleState {
  const { search_path, statement_timeout, ...settings } = parameters(fact, {
    ...inputs.settings,
    ...(inputs.statementTimeout === undefined ? {} : { statement_timeout: inputs.statementTimeout }),
  });
  const undeclared = undecidedGroups(fact.memberships, inputs);
  return {
    name: fact.name,
    ...(Object.fromEntries(flags.map((flag) => [flag, fact[flag]])) as Record<Flag, boolean>),
    connectionLimit: fact.connectionLimit,
    validUntil: until(fact.validUntil, inputs.validUntil),
    memberOf: [...new Set(declarable(fact.memberships, inputs).map(({ group }) => group))].sort(),
    searchPath: search_path === undefined ? undefined : identifiers(search_path),
    statementTimeout: statement_timeout,
    settings,
    verifier: verifierOf(fact, inputs),
    declaredRoles: inputs.declaredRoles,
    ...(undeclared.length > 0 ? { madeMemberOf: undeclared } : {}),
    byHand: [
      ...membershipDrift(fact, inputs).map(({ drift }) => drift),
      ...inDatabases(fact).map(({ database, setting }) => `in database ${database}: ${setting}`),
    ],
  };
}

/** The state to compare with these inputs, which may declare a role that the former inputs did not. */
export function compared({ madeMemberOf = [], ...state }: RoleState, { declaredRoles = [] }: RoleInputs): RoleState {
  const nowDeclared = madeMemberOf.filter((group) => declaredRoles.includes(group));
  return { ...state, memberOf: [...new Set([...state.memberOf, ...nowDeclared])].sort() };
}

/** Says why `password: keep` is not possible; undefined if it is. */
export function keepProblem(fact: RoleFact | undefined, { name, verifier }: RoleInputs): string | undefined {
  if (verifier !== KEPT || (fact && fact.verifier !== null)) return undefined;
  const missing = fact
    ? `role ${name} has no password to keep; set one with npm run psql`
    : `role ${name} does not exist; create it with npm run psql`;
  return `password: keep: ${missing}, or write password: true to generate a password, or false for none`;
}
