import { atomKey, defaultKey } from "./privileges";
import type { Atom, DefaultAtom, Privileges } from "./statements";

// Pure: whether a role has a privilege in another way, so that gaining or losing it changes nothing for it.

/** Whose privileges a role has as a member, by role. */
export type Groups = Map<string, string[]>;

/** What PostgreSQL's own groups may do on everything, by kind of object. */
const POWERS: Record<string, Record<string, string[]> | undefined> = {
  pg_read_all_data: { schema: ["USAGE"], table: ["SELECT"], column: ["SELECT"], sequence: ["SELECT"] },
  pg_write_all_data: {
    schema: ["USAGE"],
    table: ["INSERT", "UPDATE", "DELETE"],
    column: ["INSERT", "UPDATE"],
    sequence: ["UPDATE"],
  },
  pg_maintain: { table: ["MAINTAIN"] },
};

const may = (group: string, kind: string, privilege: string) => POWERS[group]?.[kind]?.includes(privilege) ?? false;

/** Says through whom else a role has a privilege; undefined: through nobody. */
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
        may(grantee, fact.kind, privilege) ||
        this.atoms.has(atomKey({ ...atom, grantee })) ||
        (table && this.atoms.has(atomKey({ fact: table, grantee, privilege }))),
    );
  }

  onFuture(atom: DefaultAtom): string | undefined {
    if (atom.schema !== "" && this.defaults.has(defaultKey({ ...atom, schema: "" }))) return "those in all schemas";
    return this.others(atom.grantee).find(
      (grantee) =>
        grantee === atom.creator ||
        may(grantee, atom.kind, atom.privilege) ||
        [atom.schema, ""].some((schema) => this.defaults.has(defaultKey({ ...atom, schema, grantee }))),
    );
  }
}
