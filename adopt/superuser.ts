import { FRESH } from "../provider/kinds/role/catalog";
import type { Facts } from "./facts";
import type { Report } from "./report";

// Pure: the superuser of a stack is postgres. If that of the source has another name (POSTGRES_USER), the copy renames it to postgres and
// creates a role without SUPERUSER under the former name (provider/restore.ts). This file applies the same to the facts.

const SUPERUSER = "postgres";
/** Keys of facts whose values are names of roles. pg_cron stores the role of a job as text, which a rename does not change. */
const ROLE_KEYS = ["owner", "grantee", "creator", "grantor", "grantors", "group"];

function renamed<T>(value: T, former: string, isRole = false): T {
  if (Array.isArray(value)) return value.map((each: unknown) => renamed(each, former, isRole)) as T;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).map(([key, each]) => [key, renamed(each, former, ROLE_KEYS.includes(key))]);
    return Object.fromEntries(entries) as T;
  }
  return isRole && value === former ? (SUPERUSER as T) : value;
}

/** The facts of the copy, with the superuser renamed. */
export function asCopied(facts: Facts, report: Report): Facts {
  const former = facts.server.bootstrap;
  if (former === SUPERUSER || facts.roles.some(({ name }) => name === SUPERUSER)) return facts;
  const { roles, databases, contents, bootstrap } = facts;
  report.addNote(
    ["roles", former],
    `superuser ${former} is renamed to postgres and keeps its objects; for its clients, a role ${former} with its password is created, ` +
      "without SUPERUSER and as a member of postgres",
  );
  const { verifier = null, settings = [] } = bootstrap ?? {};
  const membership = { group: SUPERUSER, grantor: SUPERUSER, admin: false, inherit: true, set: true, creator: false };
  const asRole = { ...FRESH, name: former, login: true, verifier, settings, memberships: [membership] };
  return {
    ...facts,
    roles: [...renamed(roles, former), asRole],
    databases: renamed(databases, former),
    contents: Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, renamed(content, former)])),
  };
}
