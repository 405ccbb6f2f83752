import { writeObjectName, writeSchema } from "../../../config/object-name";
import type { ContentKind, DefaultFact, Facts, ObjectKind, PrivilegeFact } from "./facts";
import { GRANTABLE, type Atom, type DefaultAtom, type Privileges } from "./statements";

// Pure: which privileges are wanted, which are there, and what leads from one to the other.

/** Privileges on one thing for one role. */
export interface Grant {
  role: string;
  /** "database", "schema", one object, or "all" of a kind in a schema, those to come included. */
  on: { kind: ObjectKind; schema: string; name: string } | { all: ContentKind; schema: string };
  privileges: string[];
}

/** The wanted privileges of a database. */
export interface Wanted {
  grants: Grant[];
  /** Roles whose objects to come get the privileges on "all". */
  creators: string[];
}

/** By who and what, in words: `reader: all tables in data` -> INSERT and SELECT. */
export type Description = Record<string, string[]>;

/** As a preview shows it. A text, not a list: of lists Pulumi shows how the places have changed. */
export function inShort(description: Description): Record<string, string> {
  return Object.fromEntries(Object.entries(description).map(([words, list]) => [words, [...list].sort().join(", ")]));
}

/** As lines: `reader: table data.t: SELECT`. */
export const linesOf = (description: Description): string[] =>
  Object.entries(inShort(description)).map(([words, privileges]) => `${words}: ${privileges}`);

/** PostgreSQL's own default: whatever function a role makes, everybody may execute it. */
export const isBuiltIn = ({ schema, kind, grantee, privilege }: DefaultAtom): boolean =>
  schema === "" && kind === "function" && grantee === "public" && privilege === "EXECUTE";

export const PLURAL = { table: "tables", sequence: "sequences", function: "functions" } as const;

/** How a preview names a grant. */
export function describe({ role, on }: Omit<Grant, "privileges">): string {
  if ("all" in on) return `${role}: all ${PLURAL[on.all]} in ${on.schema}`;
  if (on.kind === "database") return `${role}: database`;
  return `${role}: ${describeObject(on)}`;
}

/** How a preview names one object. */
export function describeObject({ kind, schema, name }: { kind: string; schema: string; name: string }): string {
  if (schema === "" || kind === "schema") return `${kind} ${name}`;
  // With its argument types a function is written out already.
  return `${kind} ${kind === "function" ? writeSchema(schema) + name : writeObjectName({ schema, name })}`;
}

const key = (...parts: (string | null)[]) => parts.join("\0");
const objectKey = ({ kind, schema, name, column }: Pick<PrivilegeFact, "kind" | "schema" | "name" | "column">) =>
  key(kind, kind === "database" ? "" : schema, kind === "database" ? "" : name, column);
/** Key of a kind of object in a schema. */
export const kindIn = (kind: string, schema: string) => key(kind, schema);
/** Is this the key of a kind of object that a schema holds? */
export const isContentIn = (id: string): boolean => (id.split("\0")[0] ?? "") in PLURAL;
export const atomKey = ({ fact, grantee, privilege }: Atom) => key(objectKey(fact), grantee, privilege);
export const defaultKey = (atom: DefaultAtom) =>
  key(atom.creator, atom.schema, atom.kind, atom.grantee, atom.privilege);

function byKey<T>(items: T[], of: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [of(item), item]));
}

/** PostgreSQL gives PUBLIC the use of schema public; without CREATE it harms nobody, and extensions live there. */
const ALWAYS: Grant = {
  role: "public",
  on: { kind: "schema", schema: "public", name: "public" },
  privileges: ["USAGE"],
};

export interface Comparison {
  /** What is there, in the words of the wanted grants, and what is there besides, or revoked from owners. */
  description: Description;
  /** Privileges that no grant declares, and those revoked from owners. */
  undeclared: Description;
  /** The same without PostgreSQL's own default, which needs no warning. */
  further: Description;
  /** Named objects that do not exist. */
  unknown: string[];
  there: Privileges;
  /** What no grant declares: taken away. */
  revoke: Privileges;
  /** What is missing: given. */
  grant: Privileges;
  /** What PostgreSQL gives by its own default, and was revoked: given back. */
  restore: Privileges;
  /** What the stack file has declared until now. */
  former: Privileges;
  /** How many objects of each kind each schema has: see `kindIn`. */
  counts: Map<string, number>;
}

interface Expanded {
  atoms: Map<string, Atom>;
  defaults: Map<string, DefaultAtom>;
  /** What makes up each grant: keys of atoms and of defaults, by privilege. */
  parts: { grant: Grant; privilege: string; atoms: string[]; defaults: string[] }[];
  unknown: string[];
}

/** Spells out what grants mean for the objects that are there, and for those to come. */
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
    if (matching.length === 0 && !("all" in on)) expanded.unknown.push(describeObject(on));
    for (const privilege of privileges) {
      const part = { grant, privilege, atoms: [] as string[], defaults: [] as string[] };
      for (const fact of matching) {
        if (fact.owner === role) continue; // an owner has everything
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

/** Compares the catalog with the wanted privileges. `former`: those that the stack file declared until now. */
export function compare(facts: Facts, wanted: Wanted, former?: Wanted): Comparison {
  const there = byKey(liveAtoms(facts.privileges), atomKey);
  const defaultsThere = byKey(liveDefaults(facts.defaults), defaultKey);
  const { atoms, defaults, parts, unknown } = expand(facts.privileges, wanted);
  const always = expand(facts.privileges, { grants: [ALWAYS], creators: [] });
  const once = expand(facts.privileges, former ?? { grants: [], creators: [] });

  const surplus = not(there, atoms, always.atoms).filter(
    (atom) => !atom.fact.ofExtension || once.atoms.has(atomKey(atom)),
  );
  const surplusDefaults = not(defaultsThere, defaults);

  const declared: Description = {};
  for (const { grant, privilege, atoms: needed, defaults: neededDefaults } of parts) {
    const complete = needed.every((id) => there.has(id)) && neededDefaults.every((id) => defaultsThere.has(id));
    const isThere = "all" in grant.on || !unknown.includes(describeObject(grant.on));
    if (complete && isThere) note(declared, describe(grant), privilege);
  }
  const restore = {
    atoms: [...revokedAtoms(facts.privileges), ...not(always.atoms, there)],
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
    grant: { atoms: not(atoms, there), defaults: not(defaults, defaultsThere) },
    restore,
    former: { atoms: [...once.atoms.values()], defaults: [...once.defaults.values()] },
    counts: countsOf(facts.privileges),
  };
}

/** What is in the first map and in none of the others. */
function not<T>(items: Map<string, T>, ...others: Map<string, unknown>[]): T[] {
  return [...items].filter(([id]) => !others.some((other) => other.has(id))).map(([, item]) => item);
}

/** The part of the first that is in the second too. */
export function shared(one: Privileges, other: Privileges): Privileges {
  const [atoms, defaults] = [byKey(other.atoms, atomKey), byKey(other.defaults, defaultKey)];
  return {
    atoms: one.atoms.filter((atom) => atoms.has(atomKey(atom))),
    defaults: one.defaults.filter((atom) => defaults.has(defaultKey(atom))),
  };
}

/** What is taken and given: with `report`, only what the stack file declares or has declared before. */
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

function note(description: Description, words: string, privilege: string): void {
  description[words] = [...new Set([...(description[words] ?? []), privilege])].sort();
}

function merged(one: Description, other: Description): Description {
  const all: Description = {};
  for (const [words, privileges] of [...Object.entries(one), ...Object.entries(other)]) {
    for (const privilege of privileges) note(all, words, privilege);
  }
  return all;
}

/** `partitions`: it stands for all partitions of its table. */
function describeAtom({ fact, grantee }: Atom, partitions: boolean): string {
  const { kind, column, parent } = fact;
  const table = { ...fact, kind: "table", ...(partitions && parent) };
  const on = `${partitions ? "partitions of " : ""}${describeObject(kind === "column" ? table : { ...table, kind })}`;
  if (kind === "column") return `${grantee}: column ${column} of ${on}`;
  return partitions ? `${grantee}: ${on}` : describe({ role: grantee, on: fact as Grant["on"] });
}

const describeDefault = ({ grantee, kind, creator, schema }: DefaultAtom) =>
  `${grantee}: ${PLURAL[kind]} that ${creator} will make${schema ? ` in ${schema}` : ""}`;

const partitionKey = ({ fact: { parent, column }, grantee }: Atom) =>
  key(grantee, parent && JSON.stringify([parent.schema, parent.name]), column);

/** Those of which another object of the same table has the same. */
function repeated(atoms: Atom[]): Atom[] {
  const first = new Map<string, string>();
  return atoms.filter((atom) => {
    const target = first.get(partitionKey(atom)) ?? atom.fact.target;
    first.set(partitionKey(atom), target);
    return target !== atom.fact.target;
  });
}

function describeUndeclared(atoms: Atom[], defaults: DefaultAtom[]): Description {
  const words: Description = {};
  // Partitions of one table are one line.
  const several = new Set(repeated(atoms.filter(({ fact }) => fact.parent)).map(partitionKey));
  for (const atom of atoms) note(words, describeAtom(atom, several.has(partitionKey(atom))), atom.privilege);
  for (const atom of defaults) note(words, describeDefault(atom), atom.privilege);
  return words;
}

/** In words that no grant has, so that a revoked privilege is a difference. */
function describeRevoked({ atoms, defaults }: Privileges): Description {
  const all = Object.entries(describeUndeclared(atoms, defaults));
  return Object.fromEntries(all.map(([words, privileges]) => [`revoked from ${words}`, privileges]));
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
