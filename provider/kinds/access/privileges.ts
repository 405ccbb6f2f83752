import { escapeIdentifier as quoted } from "pg";

// Pure: which privileges are wanted, which are there, and the statements that lead from one to the other.

export type ObjectKind = "database" | "schema" | "table" | "sequence" | "function" | "foreign data wrapper" | "foreign server";
/** Kinds that a schema holds and that default privileges exist for. */
export type ContentKind = "table" | "sequence" | "function";

/** One privilege that is given, or an object that nobody has a privilege on (no grantee). */
export interface PrivilegeFact {
  kind: ObjectKind | "column";
  schema: string;
  /** `name`, for functions with argument types: `name(integer, text)`; for columns `table.column`. */
  name: string;
  owner: string;
  grantee: string | null;
  privilege: string | null;
  grantable: boolean | null;
}

export interface DefaultFact {
  creator: string;
  /** Empty: in all schemas. */
  schema: string;
  kind: ContentKind;
  grantee: string;
  privilege: string;
  grantable: boolean;
}

/** What is in the catalog. */
export interface Facts {
  privileges: PrivilegeFact[];
  defaults: DefaultFact[];
}

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

/** By who and what, in words: `reader: tables in metrics` -> SELECT. What a preview shows. */
export type Description = Record<string, string[]>;

const PLURAL = { table: "tables", sequence: "sequences", function: "functions" } as const;

/** How a preview names a grant. */
export function describe({ role, on }: Omit<Grant, "privileges">): string {
  if ("all" in on) return `${role}: ${PLURAL[on.all]} in ${on.schema}`;
  if (on.kind === "database") return `${role}: database`;
  if (on.schema === "" || on.kind === "schema") return `${role}: ${on.kind} ${on.name}`;
  return `${role}: ${on.kind} ${on.schema}.${on.name}`;
}

interface Atom {
  fact: Omit<PrivilegeFact, "grantee" | "privilege" | "grantable">;
  grantee: string;
  privilege: string;
}
interface DefaultAtom {
  creator: string;
  schema: string;
  kind: ContentKind;
  grantee: string;
  privilege: string;
}

const GRANTABLE = " WITH GRANT OPTION";
const key = (...parts: string[]) => parts.join("\0");
const atomKey = ({ fact, grantee, privilege }: Atom) => key(fact.kind, fact.schema, fact.name, grantee, privilege);
const defaultKey = (atom: DefaultAtom) => key(atom.creator, atom.schema, atom.kind, atom.grantee, atom.privilege);

function byKey<T>(items: T[], of: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [of(item), item]));
}

/** PostgreSQL gives PUBLIC the use of schema public; without CREATE it harms nobody, and extensions live there. */
const ALWAYS: Grant[] = [{ role: "public", on: { kind: "schema", schema: "public", name: "public" }, privileges: ["USAGE"] }];

export interface Comparison {
  /** What is there, in the words of the wanted grants, and what is there besides. */
  description: Description;
  /** Privileges that no grant declares, in words. */
  undeclared: string[];
  /** Named objects that do not exist. */
  unknown: string[];
  /** What leads from the catalog to the wanted: first what is taken away. */
  revoke: string[];
  grant: string[];
}

/** Compares the catalog with the wanted privileges. */
export function compare(facts: Facts, wanted: Wanted): Comparison {
  const objects = [...byKey(facts.privileges, ({ kind, schema, name }) => key(kind, schema, name)).values()];
  const there = byKey(liveAtoms(facts.privileges), atomKey);
  const thereByDefault = byKey(liveDefaults(facts.defaults), defaultKey);
  const atoms = new Map<string, Atom>();
  const defaults = new Map<string, DefaultAtom>();
  const description: Description = {};
  const unknown: string[] = [];

  for (const grant of [...ALWAYS, ...wanted.grants]) {
    const { role, on, privileges } = grant;
    const matching = objects.filter((object) =>
      "all" in on
        ? object.kind === on.all && object.schema === on.schema
        : object.kind === on.kind && (on.kind === "database" || (object.schema === on.schema && object.name === on.name)),
    );
    if (matching.length === 0 && !("all" in on) && !ALWAYS.includes(grant)) unknown.push(`${on.kind} ${on.schema ? `${on.schema}.` : ""}${on.name}`);
    const complete = new Set(privileges);
    for (const privilege of privileges) {
      for (const fact of matching) {
        if (fact.owner === role) continue; // an owner has everything
        const atom = { fact, grantee: role, privilege };
        atoms.set(atomKey(atom), atom);
        if (!there.has(atomKey(atom))) complete.delete(privilege);
      }
      if (!("all" in on)) continue;
      for (const creator of wanted.creators.filter((each) => each !== role)) {
        const atom = { creator, schema: on.schema, kind: on.all, grantee: role, privilege };
        defaults.set(defaultKey(atom), atom);
        if (!thereByDefault.has(defaultKey(atom))) complete.delete(privilege);
      }
    }
    if (complete.size > 0 && !ALWAYS.includes(grant)) description[describe(grant)] = [...complete].sort();
  }

  const missing = [...atoms].filter(([id]) => !there.has(id)).map(([, atom]) => atom);
  const surplus = [...there].filter(([id]) => !atoms.has(id)).map(([, atom]) => atom);
  const missingDefaults = [...defaults].filter(([id]) => !thereByDefault.has(id)).map(([, atom]) => atom);
  const surplusDefaults = [...thereByDefault].filter(([id]) => !defaults.has(id)).map(([, atom]) => atom);

  const undeclared: Description = {};
  const note = (words: string, privilege: string) => (undeclared[words] = [...(undeclared[words] ?? []), privilege].sort());
  for (const { fact, grantee, privilege } of surplus) {
    note(fact.kind === "column" ? `${grantee}: column ${fact.schema}.${fact.name}` : describe({ role: grantee, on: { ...fact, kind: fact.kind } }), privilege);
  }
  for (const atom of surplusDefaults) {
    note(`${atom.grantee}: ${PLURAL[atom.kind]} that ${atom.creator} will make${atom.schema ? ` in ${atom.schema}` : ""}`, atom.privilege);
  }
  for (const [words, privileges] of Object.entries(undeclared)) {
    description[words] = [...(description[words] ?? []), ...privileges].sort();
  }

  return {
    description,
    undeclared: Object.entries(undeclared).map(([words, privileges]) => `${words}: ${privileges.join(", ")}`),
    unknown,
    revoke: [...surplusDefaults.map(revokeDefault), ...gather(surplus).map(revokeStatement)],
    grant: [...gather(missing).map(grantStatement), ...missingDefaults.map(grantDefault)],
  };
}

function liveAtoms(facts: PrivilegeFact[]): Atom[] {
  return facts.flatMap((fact) => {
    if (fact.grantee === null || fact.privilege === null) return [];
    const atom = { fact, grantee: fact.grantee, privilege: fact.privilege };
    return fact.grantable ? [atom, { ...atom, privilege: fact.privilege + GRANTABLE }] : [atom];
  });
}

function liveDefaults(facts: DefaultFact[]): DefaultAtom[] {
  return facts.flatMap((fact) => (fact.grantable ? [fact, { ...fact, privilege: fact.privilege + GRANTABLE }] : [fact]));
}

/** Privileges of one role on one object go into one statement. */
function gather(atoms: Atom[]): (Omit<Atom, "privilege"> & { privileges: string[] })[] {
  const groups = new Map<string, Omit<Atom, "privilege"> & { privileges: string[] }>();
  for (const { fact, grantee, privilege } of atoms) {
    const id = key(fact.kind, fact.schema, fact.name, grantee, privilege.endsWith(GRANTABLE) ? GRANTABLE : "");
    const group = groups.get(id) ?? { fact, grantee, privileges: [] };
    group.privileges.push(privilege);
    groups.set(id, group);
  }
  return [...groups.values()];
}

const grantee = (role: string) => (role === "public" ? "PUBLIC" : quoted(role));

/** The object as GRANT and REVOKE name it; `privileges` gets the column where it is one. */
function target({ kind, schema, name }: Atom["fact"], privileges: string[]): { privileges: string; on: string } {
  const plain = privileges.map((privilege) => privilege.replace(GRANTABLE, ""));
  if (kind === "schema" || schema === "") return { privileges: plain.join(", "), on: `${kind.toUpperCase()} ${quoted(name)}` };
  if (kind === "function") {
    const [, routine = "", args = ""] = /^(.*)(\([^()]*\))$/s.exec(name) ?? [];
    return { privileges: plain.join(", "), on: `ROUTINE ${quoted(schema)}.${quoted(routine)}${args}` };
  }
  if (kind === "column") {
    const dot = name.lastIndexOf(".");
    const column = quoted(name.slice(dot + 1));
    return { privileges: plain.map((privilege) => `${privilege} (${column})`).join(", "), on: `TABLE ${quoted(schema)}.${quoted(name.slice(0, dot))}` };
  }
  return { privileges: plain.join(", "), on: `${kind.toUpperCase()} ${quoted(schema)}.${quoted(name)}` };
}

function grantStatement({ fact, grantee: role, privileges }: Omit<Atom, "privilege"> & { privileges: string[] }): string {
  const { privileges: list, on } = target(fact, privileges);
  return `GRANT ${list} ON ${on} TO ${grantee(role)}`;
}

function revokeStatement({ fact, grantee: role, privileges }: Omit<Atom, "privilege"> & { privileges: string[] }): string {
  const { privileges: list, on } = target(fact, privileges);
  const option = privileges.some((privilege) => privilege.endsWith(GRANTABLE)) ? "GRANT OPTION FOR " : "";
  return `REVOKE ${option}${list} ON ${on} FROM ${grantee(role)} CASCADE`;
}

function defaultClause({ creator, schema }: DefaultAtom): string {
  return `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoted(creator)}${schema ? ` IN SCHEMA ${quoted(schema)}` : ""}`;
}

function grantDefault(atom: DefaultAtom): string {
  return `${defaultClause(atom)} GRANT ${atom.privilege} ON ${PLURAL[atom.kind].toUpperCase()} TO ${grantee(atom.grantee)}`;
}

function revokeDefault(atom: DefaultAtom): string {
  const grantable = atom.privilege.endsWith(GRANTABLE);
  const privilege = `${grantable ? "GRANT OPTION FOR " : ""}${atom.privilege.replace(GRANTABLE, "")}`;
  return `${defaultClause(atom)} REVOKE ${privilege} ON ${PLURAL[atom.kind].toUpperCase()} FROM ${grantee(atom.grantee)}`;
}
