import { escapeIdentifier as quoted, escapeLiteral as literal } from "pg";
import { sameValue } from "./parameters";

// Pure: what somebody has done to a role by hand, in words, and the statements that undo it. The Role of
// @pulumi/postgresql makes and changes roles, but looks at them only on a --refresh.

/** What the stack file says of a role. */
export interface RoleDeclaration {
  login: boolean;
  inherit: boolean;
  createDatabase: boolean;
  createRole: boolean;
  replication: boolean;
  bypassRowLevelSecurity: boolean;
  connectionLimit: number;
  validUntil?: string;
  memberOf: string[];
  searchPath?: string[];
  /** As PostgreSQL takes it. */
  statementTimeout?: string;
}

/** A role as the catalog has it. */
export interface RoleFact extends Omit<RoleDeclaration, "validUntil" | "memberOf" | "searchPath" | "statementTimeout"> {
  role: string;
  superuser: boolean;
  validUntil: Date | null;
  /** Whoever has the admin option may pass the membership on. */
  memberships: { group: string; grantor: string; admin: boolean }[];
  /** `name=value`; without a database: in all. */
  settings: { database: string | null; setting: string }[];
}

export interface Drift {
  words: string;
  statement: string;
}

const FLAGS = {
  login: "LOGIN",
  superuser: "SUPERUSER",
  inherit: "INHERIT",
  createDatabase: "CREATEDB",
  createRole: "CREATEROLE",
  replication: "REPLICATION",
  bypassRowLevelSecurity: "BYPASSRLS",
} as const;

/** Splits a list of identifiers as PostgreSQL writes it: `users, "My Schema"`. */
export function identifiers(list: string): string[] {
  return [...list.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(
    ([plain, inner]) => inner?.replaceAll('""', '"') ?? plain,
  );
}

/** Where a role differs from what was declared. */
export function roleDrift(fact: RoleFact, declared: RoleDeclaration): Drift[] {
  const role = quoted(fact.role);
  const wanted = { ...declared, superuser: false };
  const drift: Drift[] = [];
  for (const [key, word] of Object.entries(FLAGS) as [keyof typeof FLAGS, string][]) {
    if (fact[key] === wanted[key]) continue;
    drift.push({
      words: fact[key] ? word : `NO${word}`,
      statement: `ALTER ROLE ${role} ${wanted[key] ? word : `NO${word}`}`,
    });
  }
  if (fact.connectionLimit !== wanted.connectionLimit) {
    const statement = `ALTER ROLE ${role} CONNECTION LIMIT ${wanted.connectionLimit}`;
    drift.push({ words: `CONNECTION LIMIT ${fact.connectionLimit}`, statement });
  }
  const until = wanted.validUntil === undefined ? "infinity" : new Date(wanted.validUntil).toISOString();
  const isUntil = fact.validUntil?.toISOString() ?? "infinity";
  if (isUntil !== until) {
    drift.push({ words: `VALID UNTIL ${isUntil}`, statement: `ALTER ROLE ${role} VALID UNTIL ${literal(until)}` });
  }
  return [...drift, ...memberships(fact, wanted.memberOf), ...settings(fact, wanted)];
}

function memberships({ role: name, memberships: found }: RoleFact, wanted: string[]): Drift[] {
  const role = quoted(name);
  const drift = found.flatMap(({ group, grantor, admin }) => {
    const end = `${quoted(group)} FROM ${role} GRANTED BY ${quoted(grantor)} CASCADE`;
    if (!wanted.includes(group)) return [{ words: `member of ${group}`, statement: `REVOKE ${end}` }];
    return admin ? [{ words: `may pass on ${group}`, statement: `REVOKE ADMIN OPTION FOR ${end}` }] : [];
  });
  const missing = wanted.filter((group) => !found.some((each) => each.group === group));
  return [
    ...drift,
    ...missing.map((group) => ({ words: `no member of ${group}`, statement: `GRANT ${quoted(group)} TO ${role}` })),
  ];
}

/** search_path, statement_timeout, and whatever is set for single databases; RoleSettings sees to the others. */
function settings({ role, settings: found }: RoleFact, { searchPath, statementTimeout }: RoleDeclaration): Drift[] {
  const alter = (database: string | null) =>
    `ALTER ROLE ${quoted(role)}${database === null ? "" : ` IN DATABASE ${quoted(database)}`}`;
  const drift = found
    .filter(({ database }) => database !== null)
    .map(({ database, setting }) => ({
      words: `in database ${database}: ${setting}`,
      statement: `${alter(database)} RESET ${quoted(setting.slice(0, setting.indexOf("=")))}`,
    }));
  const value = (name: string) => {
    const entry = found.find(({ database, setting }) => database === null && setting.startsWith(`${name}=`));
    return entry?.setting.slice(name.length + 1);
  };
  const check = (name: string, wanted: string | undefined, same: (is: string, wanted: string) => boolean) => {
    const is = value(name);
    if (is === wanted || (is !== undefined && wanted !== undefined && same(is, wanted))) return;
    const put = wanted === undefined ? `RESET ${name}` : `SET ${name} = ${wanted}`;
    drift.push({ words: is === undefined ? `no ${name}` : `${name}=${is}`, statement: `${alter(null)} ${put}` });
  };
  const list = (text: string) => JSON.stringify(identifiers(text));
  check("search_path", searchPath?.map((each) => quoted(each)).join(", "), (is, wanted) => list(is) === list(wanted));
  check("statement_timeout", statementTimeout && literal(statementTimeout), (is, wanted) =>
    sameValue("statement_timeout", is, wanted.slice(1, -1)),
  );
  return drift;
}
