import { readFileSync } from "node:fs";
import { join } from "node:path";

// Options of the start-up packet. With ALTER DATABASE ... SET, the owner of a database sets parameters of all its sessions, also those
// of superusers; options of the start-up packet override them. The lists are files of the image, whose scripts use them too.

/** Parameters and values of a list. */
function readOptions(file: string): Record<string, string> {
  const text = readFileSync(join(__dirname, "..", "image", file), "utf8");
  const options = text.matchAll(/^-c ([^=\n]+)=(.*)$/gm);
  return Object.fromEntries([...options].map(([, name = "", value = ""]) => [name, value.replace(/\\(.)/g, "$1")]));
}

/** Parameters of sessions that run code of users. */
export const RUN_OPTIONS = readOptions("run-options");

/** Parameters of all other sessions of pgwright. */
export const SESSION_OPTIONS = { ...RUN_OPTIONS, ...readOptions("session-options") };

/** Parameters of interactive sessions of the superuser: search_path is PostgreSQL's default. */
export const INTERACTIVE_OPTIONS = { ...RUN_OPTIONS, search_path: '"$user", public' };

/** Parameters that a server before PostgreSQL 17 may not know. */
const UNKNOWN_BEFORE_17 = [
  "restrict_nonsystem_relation_kind",
  "createrole_self_grant",
  "transaction_timeout",
  "idle_session_timeout",
];

/** Parameters for a server of any version, such as one to adopt. */
const OLDER = Object.entries(SESSION_OPTIONS).filter(([name]) => !UNKNOWN_BEFORE_17.includes(name));

/** Escapes a value, so that it is one argument of the options. */
const escapeValue = (value: string) => value.replace(/[\\\s]/g, "\\$&");

const asOptions = (options: [string, string][]) =>
  options.map(([name, value]) => `-c ${name}=${escapeValue(value)}`).join(" ");

/** Options in the format of the start-up packet and of PGOPTIONS. */
export const optionsOf = (options: Record<string, string>): string => asOptions(Object.entries(options));

/** The environment of a program of PostgreSQL: the session options follow those of the user's PGOPTIONS, and override them. */
export function withSessionOptions(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PGOPTIONS: [env.PGOPTIONS, optionsOf(SESSION_OPTIONS)].filter(Boolean).join(" ") };
}

/** Options for psql in a container of any version. */
export const OLDER_OPTIONS = asOptions(OLDER);

/** Parameters whose value is a list, which SET takes without quotes around the whole. */
const LISTS = ["search_path", "datestyle"];

/** The same as SET statements, for the begin of a session: a connection pooler may reject options. */
export const SET_OLDER_OPTIONS = OLDER.map(
  ([name, value]) => `SET ${name} = ${LISTS.includes(name) ? value : `'${value}'`};`,
).join(" ");
