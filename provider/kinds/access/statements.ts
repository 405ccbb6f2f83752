import { escapeIdentifier as quoted } from "pg";
import { writeObjectName } from "../../../config/object-name";
import { PLURAL, type DefaultFact, type PrivilegeFact } from "./catalog";

// Pure: GRANT and REVOKE statements of privileges.

/** One privilege of one role on one object. */
export interface Atom {
  fact: Omit<PrivilegeFact, "grantee" | "privilege" | "grantable" | "revoked">;
  grantee: string;
  privilege: string;
}

/** One privilege of one role on the future objects of a creator. */
export type DefaultAtom = Omit<DefaultFact, "grantable" | "revoked">;

/** A set of privileges. */
export interface Privileges {
  atoms: Atom[];
  defaults: DefaultAtom[];
}

/** Suffix of a privilege with grant option, which is compared as a privilege of its own. */
export const GRANTABLE = " WITH GRANT OPTION";

export type Verb = "GRANT" | "REVOKE";

/** One statement. `like`, on a partition: the same statement on the root table. */
interface Statement {
  sql: string;
  like?: { sql: string; table: string };
}

/** The statements that grant or revoke privileges; default privileges are revoked first and granted last. */
function write(verb: Verb, { atoms, defaults }: Privileges): Statement[] {
  const onObjects = gather(atoms, ({ fact }) => JSON.stringify([fact.target, fact.column])).map(
    ({ item, grantee, privileges, option }): Statement => {
      const { column, target, parent } = item.fact;
      const list = privileges.map((privilege) => (column === null ? privilege : `${privilege} (${quoted(column)})`));
      const on = (object: string) => writeStatement(verb, list, object, grantee, option);
      if (!parent) return { sql: on(target) };
      const table = writeObjectName(parent);
      return { sql: on(target), like: { sql: on(table), table } };
    },
  );
  const onFuture = gather(defaults, (atom) => JSON.stringify([atom.creator, atom.schema, atom.kind])).map(
    ({ item: { creator, schema, kind }, grantee, privileges, option }): Statement => {
      const scope = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(creator)}${schema ? ` IN SCHEMA ${quoted(schema)}` : ""}`;
      return { sql: `${scope} ${writeStatement(verb, privileges, PLURAL[kind].toUpperCase(), grantee, option)}` };
    },
  );
  const dependents = verb === "REVOKE" ? atoms.flatMap(revokeDependents).map((sql) => ({ sql })) : [];
  return verb === "REVOKE" ? [...onFuture, ...dependents, ...onObjects] : [...onObjects, ...onFuture];
}

export const statements = (verb: Verb, privileges: Privileges): string[] =>
  write(verb, privileges).map(({ sql }) => sql);

/** The statements as shown in messages: equal statements on partitions of one table are one line. */
export function shownStatements(verb: Verb, privileges: Privileges): string[] {
  const all = write(verb, privileges);
  const counts = new Map<string, number>();
  for (const { like } of all) if (like) counts.set(like.sql, (counts.get(like.sql) ?? 0) + 1);
  return all.flatMap(({ sql, like }) => {
    const count = like ? counts.get(like.sql) : 1;
    if (!like || count === 1) return [`${sql};`];
    counts.delete(like.sql); // this line includes the others
    if (count === undefined) return [];
    return [`${sql}; -- and on ${count === 2 ? "1 more partition" : `${count - 1} more partitions`} of ${like.table}`];
  });
}

/**
 * A role with a grant option on a table can grant the privilege on a column, and a REVOKE on the table does not revoke that. So the
 * grantor gets the privilege on the column too, and REVOKE CASCADE of it revokes the dependent grants.
 */
function revokeDependents({ fact: { column, target, grantors }, privilege }: Atom): string[] {
  if (column === null || privilege.endsWith(GRANTABLE)) return [];
  return grantors.map((grantor) => {
    const grant = `${privilege} (${quoted(column)}) ON ${target}`;
    return `GRANT ${grant} TO ${quoted(grantor)} WITH GRANT OPTION; REVOKE ${grant} FROM ${quoted(grantor)} CASCADE`;
  });
}

function writeStatement(verb: Verb, privileges: string[], target: string, role: string, option: boolean): string {
  const grantee = role === "public" ? "PUBLIC" : quoted(role);
  if (verb === "GRANT") return `GRANT ${privileges.join(", ")} ON ${target} TO ${grantee}`;
  return `REVOKE ${option ? "GRANT OPTION FOR " : ""}${privileges.join(", ")} ON ${target} FROM ${grantee} CASCADE`;
}

interface Group<T> {
  item: T;
  grantee: string;
  privileges: string[];
  /** True: only the grant option. */
  option: boolean;
}

/** Combines the privileges of one role on one object into one statement. */
function gather<T extends { grantee: string; privilege: string }>(
  items: T[],
  objectOf: (item: T) => string,
): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const item of items) {
    const option = item.privilege.endsWith(GRANTABLE);
    const id = JSON.stringify([objectOf(item), item.grantee, option]);
    const group = groups.get(id) ?? { item, grantee: item.grantee, privileges: [], option };
    group.privileges.push(option ? item.privilege.slice(0, -GRANTABLE.length) : item.privilege);
    groups.set(id, group);
  }
  return [...groups.values()];
}
