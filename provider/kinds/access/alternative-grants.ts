import { atomKey, defaultKey } from "./compare";
import type { Atom, DefaultAtom, Privileges } from "./statements";

// Pure: whether a role also has a privilege through PUBLIC, a group or the whole table, so that a GRANT or REVOKE has no effect on it.

/** The roles whose privileges each role inherits, by role. */
export type Groups = Map<string, string[]>;

/** Privileges of PostgreSQL's predefined roles on all objects, by kind of object. */
const PREDEFINED_ROLES: Record<string, Record<string, string[]> | undefined> = {
  pg_read_all_data: { schema: ["USAGE"], table: ["SELECT"], column: ["SELECT"], sequence: ["SELECT"] },
  pg_write_all_data: {
    schema: ["USAGE"],
    table: ["INSERT", "UPDATE", "DELETE"],
    column: ["INSERT", "UPDATE"],
    sequence: ["UPDATE"],
  },
  pg_maintain: { table: ["MAINTAIN"] },
};

const hasByPredefinedRole = (group: string, kind: string, privilege: string) =>
  PREDEFINED_ROLES[group]?.[kind]?.includes(privilege) ?? false;

/** Finds another grantee or object through which a role has a privilege; undefined if there is none. */
export class AlternativeGrants {
  private readonly atoms: Set<string>;
  private readonly defaults: Set<string>;

  constructor(
    { atoms, defaults }: Privileges,
    private readonly groups: Groups,
  ) {
    this.atoms = new Set(atoms.map(atomKey));
    this.defaults = new Set(defaults.map(defaultKey));
  }

  private others(role: string): string[] {
    return role === "public" ? [] : ["public", ...(this.groups.get(role) ?? [])];
  }

  onObject(atom: Atom): string | undefined {
    const { fact, privilege } = atom;
    const table = fact.kind === "column" ? { ...fact, kind: "table" as const, column: null } : undefined;
    if (table && this.atoms.has(atomKey({ ...atom, fact: table }))) return "the whole table";
    return this.others(atom.grantee).find(
      (grantee) =>
        grantee === fact.owner ||
        hasByPredefinedRole(grantee, fact.kind, privilege) ||
        this.atoms.has(atomKey({ ...atom, grantee })) ||
        (table && this.atoms.has(atomKey({ fact: table, grantee, privilege }))),
    );
  }

  onFuture(atom: DefaultAtom): string | undefined {
    if (atom.schema !== "" && this.defaults.has(defaultKey({ ...atom, schema: "" })))
      return "default privileges in all schemas";
    return this.others(atom.grantee).find(
      (grantee) =>
        grantee === atom.creator ||
        hasByPredefinedRole(grantee, atom.kind, atom.privilege) ||
        [atom.schema, ""].some((schema) => this.defaults.has(defaultKey({ ...atom, schema, grantee }))),
    );
  }
}
