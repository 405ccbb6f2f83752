import { readFileSync } from "node:fs";
import { join } from "node:path";

// Options of the start-up packet. The owner of a database decides by ALTER DATABASE ... SET what sessions begin with there, also those
// of a superuser; options of the start-up packet rank above that. The lists are files of the image, whose scripts use them too.

/** Parameters and values of a list. */
function readOptions(file: string): Record<string, string> {
  const text = readFileSync(join(__dirname, "..", "image", file), "utf8");
  const options = text.matchAll(/^-c ([^=\n]+)=(.*)$/gm);
  return Object.fromEntries([...options].map(([, name = "", value = ""]) => [name, value.replace(/\\(.)/g, "$1")]));
}

/** What sessions that run code of users begin with, by parameter. */
export const RUN_OPTIONS = readOptions("run-options");

/** What all other sessions of pgwright begin with, by parameter. */
export const SESSION_OPTIONS = { ...RUN_OPTIONS, ...readOptions("session-options") };

/** What a session of a person as the superuser begins with: unqualified names are looked up where PostgreSQL itself would. */
export const PERSON_OPTIONS = { ...RUN_OPTIONS, search_path: '"$user", public' };

/** Those that a server before PostgreSQL 17 may not know. */
const NEW = [
  "restrict_nonsystem_relation_kind",
  "createrole_self_grant",
  "transaction_timeout",
  "idle_session_timeout",
];

/** A server that may be older, such as one that is adopted. */
const OLDER = Object.entries(SESSION_OPTIONS).filter(([name]) => !NEW.includes(name));

/** A value as one word. */
const word = (value: string) => value.replace(/[\\\s]/g, "\\$&");

const asOptions = (options: [string, string][]) =>
  options.map(([name, value]) => `-c ${name}=${word(value)}`).join(" ");

/** Options as the start-up packet has them, and PGOPTIONS. */
export const optionsOf = (options: Record<string, string>): string => asOptions(Object.entries(options));

/** The environment of a program of PostgreSQL, after the options that the user has for it. */
export function withSessionOptions(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, PGOPTIONS: [env.PGOPTIONS, optionsOf(SESSION_OPTIONS)].filter(Boolean).join(" ") };
}

/** Options for psql in a container of any version. */
export const OLDER_OPTIONS = asOptions(OLDER);

/** Parameters whose value is a list: each element is quoted by itself. */
const LISTS = ["search_path", "datestyle"];

/** Statements that do the same at the begin of a session: a pooler on the way may not take options. */
export const SET_OLDER_OPTIONS = OLDER.map(
  ([name, value]) => `SET ${name} = ${LISTS.includes(name) ? value : `'${value}'`};`,
).join(" ");
