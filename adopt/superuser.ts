import { FRESH } from "../provider/kinds/role/changes";
import type { Facts } from "./facts";
import type { Report } from "./told";

// Pure: a stack's superuser is postgres. Where the source's has another name (POSTGRES_USER), the copy gives it the name postgres,
// and makes a plain role of its former name (provider/restore.ts); here the same is done to what was read.

const SUPERUSER = "postgres";
/** Keys of facts whose texts are roles. The role of a job is a text to PostgreSQL too, and is not renamed. */
const ROLE_KEYS = ["owner", "grantee", "creator", "grantor", "grantors", "group"];

function renamed<T>(value: T, former: string, isRole = false): T {
  if (Array.isArray(value)) return value.map((each: unknown) => renamed(each, former, isRole)) as T;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).map(([key, each]) => [key, renamed(each, former, ROLE_KEYS.includes(key))]);
    return Object.fromEntries(entries) as T;
  }
  return isRole && value === former ? (SUPERUSER as T) : value;
}

/** The facts as they are in the copy. */
export function asCopied(facts: Facts, report: Report): Facts {
  const former = facts.server.bootstrap;
  if (former === SUPERUSER || facts.roles.some(({ name }) => name === SUPERUSER)) return facts;
  const { roles, databases, contents, bootstrap } = facts;
  report.leave(
    ["roles", former],
    `superuser ${former} becomes postgres, with all that it owns; a role ${former} with its password stays for its clients, without ` +
      "SUPERUSER, and has by memberOf what postgres owns",
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
