import { type Grant, type Description, objectLabel, labelOf } from "./grant";
import { type PrivilegeFact, PLURAL, type Facts, type DefaultFact } from "./catalog";
import { type DefaultAtom, type Atom, type Privileges, GRANTABLE } from "./statements";

// Pure: compares declared privileges with those of the catalog, and derives what to grant and revoke.

/** The declared privileges of a database. */
export interface Wanted {
  grants: Grant[];
  /** Roles whose future objects get the privileges on "all". */
  creators: string[];
}

/** PostgreSQL's default privilege: PUBLIC may execute each new function. */
export const isBuiltIn = ({ schema, kind, grantee, privilege }: DefaultAtom): boolean =>
  schema === "" && kind === "function" && grantee === "public" && privilege === "EXECUTE";

const key = (...parts: (string | null)[]) => parts.join("\0");

const objectKey = ({ kind, schema, name, column }: Pick<PrivilegeFact, "kind" | "schema" | "name" | "column">) =>
  key(kind, kind === "database" ? "" : schema, kind === "database" ? "" : name, column);

/** Key of a kind of object in a schema. */
export const kindIn = (kind: string, schema: string) => key(kind, schema);

/** Whether a key is that of a kind of object with default privileges in a schema. */
export const isContentIn = (id: string): boolean => (id.split("\0")[0] ?? "") in PLURAL;

export const atomKey = ({ fact, grantee, privilege }: Atom) => key(objectKey(fact), grantee, privilege);

export const defaultKey = (atom: DefaultAtom) =>
  key(atom.creator, atom.schema, atom.kind, atom.grantee, atom.privilege);

function byKey<T>(items: T[], of: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [of(item), item]));
}

/** PostgreSQL's default, which stays: USAGE alone lets no role create objects, and extensions are often in schema public. */
const ALWAYS: Grant = {
  role: "public",
  on: { kind: "schema", schema: "public", name: "public" },
  privileges: ["USAGE"],
};

export interface Comparison {
  /** Existing privileges under the labels of the declared grants, further ones, and those revoked from owners. */
  description: Description;
  /** Privileges that no grant declares, and those revoked from owners. */
  undeclared: Description;
  /** The same without PostgreSQL's default privilege on functions, which needs no warning. */
  further: Description;
  /** Objects of grants that do not exist. */
  unknown: string[];
  there: Privileges;
  /** Undeclared privileges, to be revoked. */
  revoke: Privileges;
  /** Missing privileges, to be granted. */
  grant: Privileges;
  /** PostgreSQL's default privileges that were revoked, to be granted again. */
  restore: Privileges;
  /** Privileges that the last update declared. */
  former: Privileges;
  /** Number of objects by kind and schema; the key is that of `kindIn`. */
  counts: Map<string, number>;
}

interface Expanded {
  atoms: Map<string, Atom>;
  defaults: Map<string, DefaultAtom>;
  /** Keys of the atoms and defaults of each grant, by privilege. */
  parts: { grant: Grant; privilege: string; atoms: string[]; defaults: string[] }[];
  unknown: string[];
}

/** Expands grants to privileges on existing objects and default privileges for future ones. */
function expand(facts: PrivilegeFact[], { grants, creators }: Wanted): Expanded {
  const objects = byKey(facts, objectKey);
  const contents = new Map<string, PrivilegeFact[]>();
  for (const object of objects.values()) {
    if (object.ofExtension) continue;
    const id = kindIn(object.kind, object.schema);
    contents.set(id, [...(contents.get(id) ?? []), object]);
  }
  const expanded: Expanded = { atoms: new Map(), defaults: new Map(), parts: [], unknown: [] };
  for (const grant of grants) {
    const { role, on, privileges } = grant;
    const one = "all" in on ? undefined : objects.get(objectKey({ ...on, column: null }));
    const matching = "all" in on ? (contents.get(kindIn(on.all, on.schema)) ?? []) : one ? [one] : [];
    if (matching.length === 0 && !("all" in on)) expanded.unknown.push(objectLabel(on));
    for (const privilege of privileges) {
      const part = { grant, privilege, atoms: [] as string[], defaults: [] as string[] };
      for (const fact of matching) {
        if (fact.owner === role) continue; // an owner has all privileges
        const atom = { fact, grantee: role, privilege };
        part.atoms.push(atomKey(atom));
        expanded.atoms.set(atomKey(atom), atom);
      }
      for (const creator of "all" in on ? creators : []) {
        if (creator === role || !("all" in on)) continue;
        const atom = { creator, schema: on.schema, kind: on.all, grantee: role, privilege };
        part.defaults.push(defaultKey(atom));
        expanded.defaults.set(defaultKey(atom), atom);
      }
      expanded.parts.push(part);
    }
  }
  expanded.unknown = [...new Set(expanded.unknown)];
  return expanded;
}

/** Compares the catalog with the declared privileges. `former`: those of the last update. */
export function compare(facts: Facts, wanted: Wanted, former?: Wanted): Comparison {
  const there = byKey(liveAtoms(facts.privileges), atomKey);
  const defaultsThere = byKey(liveDefaults(facts.defaults), defaultKey);
  const { atoms, defaults, parts, unknown } = expand(facts.privileges, wanted);
  const always = expand(facts.privileges, { grants: [ALWAYS], creators: [] });
  const once = expand(facts.privileges, former ?? { grants: [], creators: [] });

  const surplus = difference(there, atoms, always.atoms).filter(
    (atom) => !atom.fact.ofExtension || once.atoms.has(atomKey(atom)),
  );
  const surplusDefaults = difference(defaultsThere, defaults);

  const declared: Description = {};
  for (const { grant, privilege, atoms: needed, defaults: neededDefaults } of parts) {
    const complete = needed.every((id) => there.has(id)) && neededDefaults.every((id) => defaultsThere.has(id));
    const isThere = "all" in grant.on || !unknown.includes(objectLabel(grant.on));
    if (complete && isThere) addPrivilege(declared, labelOf(grant), privilege);
  }
  const restore = {
    atoms: [...revokedAtoms(facts.privileges), ...difference(always.atoms, there)],
    defaults: facts.defaults.filter(({ revoked }) => revoked),
  };
  const besides = (given: DefaultAtom[]) => ({ ...describeUndeclared(surplus, given), ...describeRevoked(restore) });
  const undeclared = besides(surplusDefaults);
  return {
    description: merged(declared, undeclared),
    undeclared,
    further: besides(surplusDefaults.filter((atom) => !isBuiltIn(atom))),
    unknown,
    there: { atoms: [...there.values()], defaults: [...defaultsThere.values()] },
    revoke: { atoms: surplus, defaults: surplusDefaults },
    grant: { atoms: difference(atoms, there), defaults: difference(defaults, defaultsThere) },
    restore,
    former: { atoms: [...once.atoms.values()], defaults: [...once.defaults.values()] },
    counts: countsOf(facts.privileges),
  };
}

/** The items of the first map whose key none of the others has. */
function difference<T>(items: Map<string, T>, ...others: Map<string, unknown>[]): T[] {
  return [...items].filter(([id]) => !others.some((other) => other.has(id))).map(([, item]) => item);
}

/** The privileges that both have. */
export function shared(one: Privileges, other: Privileges): Privileges {
  const [atoms, defaults] = [byKey(other.atoms, atomKey), byKey(other.defaults, defaultKey)];
  return {
    atoms: one.atoms.filter((atom) => atoms.has(atomKey(atom))),
    defaults: one.defaults.filter((atom) => defaults.has(defaultKey(atom))),
  };
}

/** The privileges to revoke and to grant: with `report`, only declared and formerly declared ones. */
export function changesOf({ revoke, grant, restore, former }: Comparison, undeclared: "revoke" | "report") {
  if (undeclared === "report") return { taken: shared(revoke, former), given: grant };
  const given = {
    atoms: [...grant.atoms, ...restore.atoms],
    defaults: [...grant.defaults, ...restore.defaults],
  };
  return { taken: revoke, given };
}

function countsOf(facts: PrivilegeFact[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { kind, schema, ofExtension } of byKey(facts, objectKey).values()) {
    if (ofExtension) continue;
    const id = kindIn(kind, schema);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function addPrivilege(description: Description, label: string, privilege: string): void {
  description[label] = [...new Set([...(description[label] ?? []), privilege])].sort();
}

function merged(one: Description, other: Description): Description {
  const all: Description = {};
  for (const [label, privileges] of [...Object.entries(one), ...Object.entries(other)]) {
    for (const privilege of privileges) addPrivilege(all, label, privilege);
  }
  return all;
}

/** `partitions`: the atom represents several partitions of one table. */
function describeAtom({ fact, grantee }: Atom, partitions: boolean): string {
  const { kind, column, parent } = fact;
  const table = { ...fact, kind: "table", ...(partitions && parent) };
  const on = `${partitions ? "partitions of " : ""}${objectLabel(kind === "column" ? table : { ...table, kind })}`;
  if (kind === "column") return `${grantee}: column ${column} of ${on}`;
  return partitions ? `${grantee}: ${on}` : labelOf({ role: grantee, on: fact as Grant["on"] });
}

const describeDefault = ({ grantee, kind, creator, schema }: DefaultAtom) =>
  `${grantee}: ${PLURAL[kind]} that ${creator} will make${schema ? ` in ${schema}` : ""}`;

const partitionKey = ({ fact: { parent, column }, grantee }: Atom) =>
  key(grantee, parent && JSON.stringify([parent.schema, parent.name]), column);

/** Atoms that several partitions of one table share. */
function repeated(atoms: Atom[]): Atom[] {
  const first = new Map<string, string>();
  return atoms.filter((atom) => {
    const target = first.get(partitionKey(atom)) ?? atom.fact.target;
    first.set(partitionKey(atom), target);
    return target !== atom.fact.target;
  });
}

function describeUndeclared(atoms: Atom[], defaults: DefaultAtom[]): Description {
  const description: Description = {};
  // Partitions of one table are one line.
  const several = new Set(repeated(atoms.filter(({ fact }) => fact.parent)).map(partitionKey));
  for (const atom of atoms)
    addPrivilege(description, describeAtom(atom, several.has(partitionKey(atom))), atom.privilege);
  for (const atom of defaults) addPrivilege(description, describeDefault(atom), atom.privilege);
  return description;
}

/** Labels that no grant has, so that a revoked privilege is a difference. */
function describeRevoked({ atoms, defaults }: Privileges): Description {
  const all = Object.entries(describeUndeclared(atoms, defaults));
  return Object.fromEntries(all.map(([label, privileges]) => [`revoked from ${label}`, privileges]));
}

function liveAtoms(facts: PrivilegeFact[]): Atom[] {
  return facts.flatMap((fact) => {
    if (fact.grantee === null || fact.privilege === null || fact.revoked) return [];
    const atom = { fact, grantee: fact.grantee, privilege: fact.privilege };
    return fact.grantable ? [atom, { ...atom, privilege: fact.privilege + GRANTABLE }] : [atom];
  });
}

const revokedAtoms = (facts: PrivilegeFact[]): Atom[] =>
  facts
    .filter(({ revoked }) => revoked)
    .map((fact) => ({ fact, grantee: fact.owner, privilege: fact.privilege as string }));

function liveDefaults(facts: DefaultFact[]): DefaultAtom[] {
  return facts
    .filter(({ revoked }) => !revoked)
    .flatMap((fact) => (fact.grantable ? [fact, { ...fact, privilege: fact.privilege + GRANTABLE }] : [fact]));
}
