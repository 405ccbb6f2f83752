import type { OtherFact } from "./facts";
import type { Report } from "./report";

/** What happens to objects that a stack file cannot declare, by kind, and what to do. */
const OTHERS: Record<string, string> = {
  tablespace:
    "is outside of the data directory; first move its tables and indexes to pg_default (ALTER TABLE ... SET TABLESPACE)",
  "replication slot": "is not copied; its consumer needs a slot on the new server, and a new copy of all data",
  "setting of all roles": "is not managed; to declare it, use server.settings",
  "privilege on a parameter": "is not managed",
  "security label": "is not managed",
  "library of a stack": "is not managed; the stack file of the source declares what needs it",
  publication: "is not managed; use a migration to change it",
  subscription:
    "would use the replication slot of the source and take it over; drop or disable the subscription first, or transfer the data with pg_dump",
  "foreign server": "and its user mappings with their passwords are not managed; privileges on it are declared",
  "event trigger": "is not managed; use a migration to change it",
  "large object with privileges": "is not managed",
  "privilege on a type": "is not managed; use a migration to change it",
  "privilege on a language": "is not managed",
  "default privilege": "is not managed",
  "unlogged table":
    "is empty in the copy, as a backup contains no unlogged tables; load it there, or run ALTER TABLE ... SET LOGGED first",
  "owner of schema public": "is not managed",
};

/** Kinds of objects with which a copy of the data directory would be incomplete, or would harm the source. */
export const COPY_OBSTACLES = ["tablespace", "subscription"];

export function reportOthers(at: string[], others: OtherFact[], report: Report): void {
  for (const { kind, name } of others) report.addNote(at, `${kind} ${name} ${OTHERS[kind] ?? "is not managed"}`);
}
