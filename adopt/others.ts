import type { OtherFact } from "./facts";
import type { Report } from "./told";

/** What becomes of things that no stack file declares, and what to do. */
const OTHERS: Record<string, string> = {
  tablespace:
    "lies outside the data directory: move what is in it to pg_default first (ALTER TABLE ... SET TABLESPACE)",
  "replication slot": "is not copied: its reader needs one on the new server, and all data anew",
  "setting of all roles": "stays as it is; in the stack file it would be in server.settings",
  "privilege on a parameter": "stays as it is",
  "security label": "stays as it is",
  "library of a stack": "stays as it is; the stack file of the source says what it is for",
  publication: "stays as it is; leave it to a migration",
  subscription:
    "would read with the slot of the source, which it would take from it: drop or disable it first, or copy by a dump",
  "foreign server": "stays as it is, with its user mappings and their passwords; privileges on it are declared",
  "event trigger": "stays as it is; leave it to a migration",
  "large object with privileges": "stays as it is",
  "privilege on a type": "stays as it is; leave it to a migration",
  "privilege on a language": "stays as it is",
  "default privilege": "stays as it is",
  "unlogged table":
    "is empty in the copy, for PostgreSQL copies none: fill it there, or ALTER TABLE ... SET LOGGED first",
  "owner of schema public": "stays as it is",
};

/** Without these a copy of the files would be no copy, or harm the source. */
export const HINDRANCES = ["tablespace", "subscription"];

export function tellOthers(at: string[], others: OtherFact[], report: Report): void {
  for (const { kind, name } of others) report.leave(at, `${kind} ${name} ${OTHERS[kind] ?? "stays as it is"}`);
}
