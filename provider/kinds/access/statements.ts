import { escapeIdentifier as quoted } from "pg";
import { writeObjectName } from "../../../config/object-name";
import type { ContentKind, PrivilegeFact } from "./facts";

// Pure: GRANT and REVOKE as text.

/** One privilege of one role on one object. */
export interface Atom {
  fact: Omit<PrivilegeFact, "grantee" | "privilege" | "grantable" | "revoked">;
  grantee: string;
  privilege: string;
}

/** One privilege of one role on what another will make. */
export interface DefaultAtom {
  creator: string;
  schema: string;
  kind: ContentKind;
  grantee: string;
  privilege: string;
}

/** What roles have, or get, or lose. */
export interface Privileges {
  atoms: Atom[];
  defaults: DefaultAtom[];
}

/** The right to pass a privilege on counts as a privilege by itself. */
export const GRANTABLE = " WITH GRANT OPTION";

export type Verb = "GRANT" | "REVOKE";

const PLURALS = { table: "TABLES", sequence: "SEQUENCES", function: "FUNCTIONS" } as const;

/** One statement. On a partition: `like`, the same on its table. */
interface Statement {
  sql: string;
  like?: { sql: string; table: string };
}

/** The statements that give or take these; default privileges are taken first and given last. */
function write(verb: Verb, { atoms, defaults }: Privileges): Statement[] {
  const onObjects = gather(atoms, ({ fact }) => JSON.stringify([fact.target, fact.column])).map(
    ({ item, grantee, privileges, option }): Statement => {
      const { column, target, parent } = item.fact;
      const list = privileges.map((privilege) => (column === null ? privilege : `${privilege} (${quoted(column)})`));
      const on = (what: string) => sentence(verb, list, what, grantee, option);
      if (!parent) return { sql: on(target) };
      const table = writeObjectName(parent);
      return { sql: on(target), like: { sql: on(table), table } };
    },
  );
  const onFuture = gather(defaults, (atom) => JSON.stringify([atom.creator, atom.schema, atom.kind])).map(
    ({ item: { creator, schema, kind }, grantee, privileges, option }): Statement => {
      const scope = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(creator)}${schema ? ` IN SCHEMA ${quoted(schema)}` : ""}`;
      return { sql: `${scope} ${sentence(verb, privileges, PLURALS[kind], grantee, option)}` };
    },
  );
  const orphans = verb === "REVOKE" ? atoms.flatMap(orphan).map((sql) => ({ sql })) : [];
  return verb === "REVOKE" ? [...onFuture, ...orphans, ...onObjects] : [...onObjects, ...onFuture];
}

export const statements = (verb: Verb, privileges: Privileges): string[] =>
  write(verb, privileges).map(({ sql }) => sql);

/** For a reader: those on partitions of one table that are alike are one line. */
export function shownStatements(verb: Verb, privileges: Privileges): string[] {
  const all = write(verb, privileges);
  const counts = new Map<string, number>();
  for (const { like } of all) if (like) counts.set(like.sql, (counts.get(like.sql) ?? 0) + 1);
  return all.flatMap(({ sql, like }) => {
    const count = like ? counts.get(like.sql) : 1;
    if (!like || count === 1) return [`${sql};`];
    counts.delete(like.sql); // the others are in this line
    if (count === undefined) return [];
    return [`${sql}; -- and on ${count === 2 ? "1 more partition" : `${count - 1} more partitions`} of ${like.table}`];
  });
}

/**
 * Who may pass on a privilege on a table can give it on a column, and a REVOKE on the table does not reach that. Given the
 * same on the column and losing it again, the grantor takes along what he has passed on.
 */
function orphan({ fact: { column, target, grantors }, privilege }: Atom): string[] {
  if (column === null || privilege.endsWith(GRANTABLE)) return [];
  return grantors.map((grantor) => {
    const what = `${privilege} (${quoted(column)}) ON ${target}`;
    return `GRANT ${what} TO ${quoted(grantor)} WITH GRANT OPTION; REVOKE ${what} FROM ${quoted(grantor)} CASCADE`;
  });
}

function sentence(verb: Verb, privileges: string[], target: string, role: string, option: boolean): string {
  const who = role === "public" ? "PUBLIC" : quoted(role);
  if (verb === "GRANT") return `GRANT ${privileges.join(", ")} ON ${target} TO ${who}`;
  return `REVOKE ${option ? "GRANT OPTION FOR " : ""}${privileges.join(", ")} ON ${target} FROM ${who} CASCADE`;
}

interface Group<T> {
  item: T;
  grantee: string;
  privileges: string[];
  /** True: only the right to pass it on. */
  option: boolean;
}

/** Privileges of one role on one thing go into one statement. */
function gather<T extends { grantee: string; privilege: string }>(items: T[], thing: (item: T) => string): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const item of items) {
    const option = item.privilege.endsWith(GRANTABLE);
    const id = JSON.stringify([thing(item), item.grantee, option]);
    const group = groups.get(id) ?? { item, grantee: item.grantee, privileges: [], option };
    group.privileges.push(option ? item.privilege.slice(0, -GRANTABLE.length) : item.privilege);
    groups.set(id, group);
  }
  return [...groups.values()];
}
