import { escapeIdentifier as quoted, escapeLiteral as literal } from "pg";
import { sameValue } from "../parameters";
import {
  declarable,
  grantMembership,
  takeOver,
  undecided,
  type GrantedMembership,
  type Membership,
} from "./memberships";

// Pure: a role of the catalog in the words of its declaration, and the statements that bring it there.

interface RoleAttributes {
  name: string;
  login: boolean;
  /** Never declared: the stack file has no superusers. */
  superuser: boolean;
  inherit: boolean;
  createDatabase: boolean;
  createRole: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  connectionLimit: number;
}

export interface RoleInputs extends RoleAttributes {
  /** When the password ends; never if absent. */
  validUntil?: string;
  /** Sorted. */
  memberOf: string[];
  searchPath?: string[];
  /** As PostgreSQL takes it. */
  statementTimeout?: string;
  /** Other parameters of its sessions. */
  settings: Record<string, string>;
  /** SCRAM verifier of its password, or KEPT; without one there is no password. */
  verifier?: string;
  /** The roles of the stack file, for a role with CREATEROLE: others that it has made are its own affair. */
  declaredRoles?: string[];
  /** What somebody has done to it that has no key above, in words: always nothing. */
  byHand: string[];
}

export interface RoleState extends RoleInputs {
  /** Undeclared roles that it has made and is a member of, which counts once the stack file declares them. */
  madeMemberOf?: string[];
}

/** A role as the catalog has it. */
export interface RoleFact extends RoleAttributes {
  validUntil: string | null;
  verifier: string | null;
  memberships: Membership[];
  /** What it has granted to others. */
  granted: GrantedMembership[];
  /** Other roles that have made it, and may alter, grant and drop it. */
  makers: string[];
  /** `name=value`; without a database: in all. */
  settings: { database: string | null; setting: string }[];
}

/** A statement, and how it may be shown to people. */
export interface Change {
  sql: string;
  shown: string;
}

/** In the place of a verifier that is not the declared one, which nobody has to know. */
export const ANOTHER_PASSWORD = "another password";

/** In the place of a verifier that is left as it is, whatever it is. */
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
const flags = Object.keys(FLAGS) as Flag[];

/** What CREATE ROLE makes without options. */
export const FRESH: Omit<RoleFact, "name"> = {
  login: false,
  superuser: false,
  inherit: true,
  createDatabase: false,
  createRole: false,
  replication: false,
  bypassRowLevelSecurity: false,
  connectionLimit: -1,
  validUntil: null,
  verifier: null,
  memberships: [],
  granted: [],
  makers: [],
  settings: [],
};

/** Splits a list of identifiers as PostgreSQL writes it: `users, "My Schema"`; an empty path is `""`. */
export function identifiers(list: string): string[] {
  const found = [...list.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)];
  return found.map(([plain, inner]) => inner?.replaceAll('""', '"') ?? plain).filter((name) => name !== "");
}

/** Parameters whose value is a list of names, each quoted by itself (GUC_LIST_QUOTE); search_path has a key of its own. */
const LISTS = ["local_preload_libraries", "session_preload_libraries", "temp_tablespaces"];
const isList = (name: string) => LISTS.includes(name.toLowerCase());

function sameParameter(name: string, a: string, b: string): boolean {
  if (!isList(name)) return sameValue(name, a, b);
  return JSON.stringify(identifiers(a)) === JSON.stringify(identifiers(b));
}

/** A value as ALTER ROLE SET takes it: a list in one literal would be one name. */
const inSetCommand = (name: string, value: string): string =>
  isList(name) ? identifiers(value).map(literal).join(", ") || "''" : literal(value);

/** A time of the catalog, as it was declared if it is that. */
function until(found: string | null, declared: string | undefined): string | undefined {
  if (found === null) return undefined;
  const time = Date.parse(found.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
  if (declared !== undefined && Date.parse(declared) === time) return declared;
  return Number.isNaN(time) ? found : new Date(time).toISOString();
}

/** Parameters that are set for all databases, under the names and in the words of the declared ones where they mean those. */
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

const inDatabases = ({ settings }: RoleFact) =>
  settings.flatMap(({ database, setting }) => (database === null ? [] : [{ database, setting }]));

/** What was done to declared memberships, with what undoes it. */
function memberships(fact: RoleFact, inputs: RoleInputs): { words: string; sql: string }[] {
  const { name, memberOf, inherit } = inputs;
  const role = quoted(name);
  return declarable(fact.memberships, inputs).flatMap((each) => {
    const { group } = each;
    if (!memberOf.includes(group)) return [];
    const [to, from] = [`${quoted(group)} TO ${role}`, `${quoted(group)} FROM ${role}`];
    const by = `GRANTED BY ${quoted(each.grantor)}`;
    return [
      ...(each.admin ? [{ words: `may pass on ${group}`, sql: `REVOKE ADMIN OPTION FOR ${from} ${by} CASCADE` }] : []),
      ...(each.inherit === inherit
        ? []
        : [
            {
              words: each.inherit ? `inherits from ${group}` : `does not inherit from ${group}`,
              sql: `GRANT ${to} WITH INHERIT ${inherit} ${by}`,
            },
          ]),
      ...(each.set ? [] : [{ words: `may not become ${group} by SET ROLE`, sql: `GRANT ${to} WITH SET TRUE ${by}` }]),
    ];
  });
}

/** The verifier that is there, in the words of the declared one. */
function verifierOf({ verifier }: RoleFact, { verifier: declared }: RoleInputs): string | undefined {
  if (verifier === null) return undefined;
  return declared === KEPT || verifier === declared ? declared : ANOTHER_PASSWORD;
}

/** What is there, under the names of the inputs, and in their words where it means the same. */
export function observed(fact: RoleFact, inputs: RoleInputs): RoleState {
  const { search_path, statement_timeout, ...settings } = parameters(fact, {
    ...inputs.settings,
    ...(inputs.statementTimeout === undefined ? {} : { statement_timeout: inputs.statementTimeout }),
  });
  const made = undecided(fact.memberships, inputs);
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
    ...(made.length > 0 ? { madeMemberOf: made } : {}),
    byHand: [
      ...memberships(fact, inputs).map(({ words }) => words),
      ...inDatabases(fact).map(({ database, setting }) => `in database ${database}: ${setting}`),
    ],
  };
}

/** The state as it counts beside these inputs, which may declare a role that those before did not. */
export function compared({ madeMemberOf = [], ...state }: RoleState, { declaredRoles = [] }: RoleInputs): RoleState {
  const nowDeclared = madeMemberOf.filter((group) => declaredRoles.includes(group));
  return { ...state, memberOf: [...new Set([...state.memberOf, ...nowDeclared])].sort() };
}

/** Says why the password cannot be kept, if it cannot: there is none. */
export function keepProblem(fact: RoleFact | undefined, { name, verifier }: RoleInputs): string | undefined {
  if (verifier !== KEPT || (fact && fact.verifier !== null)) return undefined;
  const missing = fact ? `role ${name} has no password that` : `there is no role ${name} whose password`;
  return (
    `password: keep: ${missing} could be kept; make it by hand (npm run psql), ` +
    "or write password: true to have a password made up, or false for none"
  );
}

/** The statements that bring a role to its declaration; none if it is there. */
export function changes(fact: RoleFact, inputs: RoleInputs): Change[] {
  const is = observed(fact, inputs);
  const role = quoted(inputs.name);
  const plain = (sql: string): Change => ({ sql, shown: sql });
  const decided = declarable(fact.memberships, inputs);
  const revoked = decided
    .filter(({ group }) => !inputs.memberOf.includes(group))
    .map(({ group, grantor }) => `REVOKE ${quoted(group)} FROM ${role} GRANTED BY ${quoted(grantor)} CASCADE`);
  const granted = inputs.memberOf
    .filter((group) => !is.memberOf.includes(group))
    .map((group) => grantMembership(group, fact.memberships, inputs));
  // The REVOKE would end with CASCADE what it has granted to others.
  const noLonger = decided.filter(({ admin }) => admin).map(({ group }) => group);
  const kept = takeOver(fact.granted.filter(({ group }) => noLonger.includes(group)));

  const options: Change[] = flags
    .filter((flag) => is[flag] !== inputs[flag])
    .map((flag) => plain(inputs[flag] ? FLAGS[flag] : `NO${FLAGS[flag]}`));
  if (is.connectionLimit !== inputs.connectionLimit) options.push(plain(`CONNECTION LIMIT ${inputs.connectionLimit}`));
  if (is.validUntil !== inputs.validUntil)
    options.push(plain(`VALID UNTIL ${literal(inputs.validUntil ?? "infinity")}`));
  if (is.verifier !== inputs.verifier)
    options.push(
      inputs.verifier === undefined
        ? plain("PASSWORD NULL")
        : { sql: `PASSWORD ${literal(inputs.verifier)}`, shown: "PASSWORD '...'" },
    );
  const altered = (of: (option: Change) => string) => `ALTER ROLE ${role} ${options.map(of).join(" ")}`;

  return [
    ...[...kept, ...revoked].map(plain),
    ...(options.length > 0 ? [{ sql: altered(({ sql }) => sql), shown: altered(({ shown }) => shown) }] : []),
    ...memberships(fact, inputs).map(({ sql }) => plain(sql)),
    ...granted.map(plain),
    ...inDatabases(fact).map(({ database, setting }) =>
      plain(
        `ALTER ROLE ${role} IN DATABASE ${quoted(database)} RESET ${quoted(setting.slice(0, setting.indexOf("=")))}`,
      ),
    ),
    ...setParameters(is, inputs).map(plain),
  ];
}

function setParameters(is: RoleInputs, inputs: RoleInputs): string[] {
  // As SQL takes it: a list of names is no text.
  const all = ({ searchPath, statementTimeout, settings }: RoleInputs): Record<string, string> => ({
    ...(searchPath ? { search_path: searchPath.map((each) => quoted(each)).join(", ") || "''" } : {}),
    ...(statementTimeout === undefined ? {} : { statement_timeout: literal(statementTimeout) }),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, inSetCommand(name, value)])),
  });
  const [found, wanted] = [all(is), all(inputs)];
  const alter = `ALTER ROLE ${quoted(inputs.name)}`;
  return [
    ...Object.keys(found)
      .filter((name) => !(name in wanted))
      .map((name) => `${alter} RESET ${quoted(name)}`),
    ...Object.entries(wanted)
      .filter(([name, value]) => found[name] !== value)
      .map(([name, value]) => `${alter} SET ${quoted(name)} = ${value}`),
  ];
}
