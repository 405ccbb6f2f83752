import { AlternativeGrants, type Groups } from "./alternative-grants";
import { PLURAL, type ContentKind } from "./catalog";
import { atomKey, changesOf, defaultKey, kindIn, type Comparison } from "./compare";
import { objectLabel } from "./grant";
import { GRANTABLE, type Atom, type DefaultAtom, type Privileges } from "./statements";

// Pure: which privileges each role gains and loses by a change.

type Verb = "gains" | "loses" | "loses GRANT OPTION for";

/** Privileges of one role on objects of one kind that change alike. */
export interface Line {
  role: string;
  verb: Verb;
  /** Without WITH GRANT OPTION. */
  privileges: string[];
  kind: Atom["fact"]["kind"];
  objects: Atom["fact"][];
  /** Default privileges: on future objects of these creators. */
  future: Pick<DefaultAtom, "creator" | "schema">[];
  /** Where the privilege comes from, and how the role has it besides; empty if there is nothing to report. */
  remark: string;
}

/** Longest list of names of objects or schemas in a line. */
const NAMED = 6;

type Item = { role: string; verb: Verb; privilege: string; kind: Line["kind"]; remark: string } & (
  { object: Atom["fact"] } | { future: DefaultAtom }
);

/** Verb and privilege without GRANT OPTION; undefined if the role loses the privilege itself, which includes its grant option. */
function verbOf(verb: Verb, privilege: string, whole: (privilege: string) => boolean) {
  if (!privilege.endsWith(GRANTABLE)) return { verb, privilege };
  const plain = privilege.slice(0, -GRANTABLE.length);
  return whole(plain) ? undefined : { verb: "loses GRANT OPTION for" as const, privilege: plain };
}

/** One item a privilege, with its remark. */
function items(change: Privileges, verb: Verb, remark: Remark, more: RemarkFacts) {
  const atoms = new Set(change.atoms.map(atomKey));
  const defaults = new Set(change.defaults.map(defaultKey));
  const [declared, usual] = [keysOf(more.former), keysOf(more.restore)];
  const remarkOf = (key: string, through?: string) =>
    remark(declared.has(key) ? "declared" : usual.has(key) ? "usual" : undefined, through);
  return [
    ...change.atoms.flatMap((atom): Item[] => {
      const happens = verbOf(verb, atom.privilege, (plain) => atoms.has(atomKey({ ...atom, privilege: plain })));
      const { fact, grantee: role } = atom;
      const text = remarkOf(atomKey(atom), more.alternatives.onObject(atom));
      return happens ? [{ role, ...happens, kind: fact.kind, remark: text, object: fact }] : [];
    }),
    ...change.defaults.flatMap((atom): Item[] => {
      const happens = verbOf(verb, atom.privilege, (plain) => defaults.has(defaultKey({ ...atom, privilege: plain })));
      const text = remarkOf(defaultKey(atom), more.alternatives.onFuture(atom));
      return happens ? [{ role: atom.grantee, ...happens, kind: atom.kind, remark: text, future: atom }] : [];
    }),
  ];
}

const keysOf = ({ atoms, defaults }: Privileges) => new Set([...atoms.map(atomKey), ...defaults.map(defaultKey)]);

interface RemarkFacts {
  former: Privileges;
  restore: Privileges;
  alternatives: AlternativeGrants;
}

/** Text on the source of a privilege (former stack file, or PostgreSQL's default) and on the grantee through which a role also has it. */
type Remark = (from: "declared" | "usual" | undefined, through?: string) => string;

const named = (through: string) => (through === "public" ? "PUBLIC" : through);

const lossRemark: Remark = (from, through) =>
  (through ? `, but has it through ${named(through)} too` : "") +
  (from === "declared" ? "" : ", not declared in the stack file");

const MISSING = { declared: ", declared already, but missing", usual: ", PostgreSQL's own default, but revoked" };

const gainRemark: Remark = (from, through) =>
  (through ? `, which it has through ${named(through)} already` : "") + (from ? MISSING[from] : "");

function gathered<T>(list: T[], of: (item: T) => unknown): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const id = JSON.stringify(of(item));
    const group = groups.get(id);
    if (group) group.push(item);
    else groups.set(id, [item]);
  }
  return [...groups.values()];
}

/** The change as lines; a privilege of a role counts even if PUBLIC or a group has it too. */
export function linesOf(comparison: Comparison, undeclared: "revoke" | "report", groups: Groups): Line[] {
  const { there, former, restore } = comparison;
  const { taken, given } = changesOf(comparison, undeclared);
  const after = {
    atoms: [...without(there.atoms, taken.atoms, atomKey), ...given.atoms],
    defaults: [...without(there.defaults, taken.defaults, defaultKey), ...given.defaults],
  };
  const all = [
    ...items(taken, "loses", lossRemark, { former, restore, alternatives: new AlternativeGrants(after, groups) }),
    ...items(given, "gains", gainRemark, { former, restore, alternatives: new AlternativeGrants(there, groups) }),
  ];
  const each = gathered(all, ({ role, verb, remark, kind, privilege }) => [role, verb, remark, kind, privilege]);
  const alike = gathered(each, (same) => {
    const { role, verb, remark, kind } = same[0] as Item;
    return [role, verb, remark, kind, same.map(identityOf).sort()];
  });
  return alike.map((those) => lineOf(those[0] as Item[], those.map(([item]) => (item as Item).privilege).sort()));
}

const identityOf = (item: Item) =>
  JSON.stringify(
    "object" in item ? [item.object.target, item.object.column] : [item.future.creator, item.future.schema],
  );

/** One line for all privileges on the same objects; `same`: the items of one of them. */
function lineOf(same: Item[], privileges: string[]): Line {
  const { role, verb, remark, kind } = same[0] as Item;
  const objects = same.flatMap((item) => ("object" in item ? [item.object] : []));
  const future = same.flatMap((item) => ("future" in item ? [item.future] : []));
  return { role, verb, remark, kind, privileges, objects, future };
}

function without<T>(all: T[], some: T[], key: (item: T) => string): T[] {
  const keys = new Set(some.map(key));
  return all.filter((item) => !keys.has(key(item)));
}

function abbreviate(names: string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}

const isContent = (kind: string): kind is ContentKind => kind in PLURAL;

/** The objects of one schema: one, all of a kind, or a count with names. */
function objectsIn(schema: string, kind: ContentKind, objects: Line["objects"], counts: Comparison["counts"]): string {
  const [one] = objects;
  if (one && objects.length === 1) return objectLabel(one);
  const count = counts.get(kindIn(kind, schema)) ?? 0;
  if (count === objects.length) return `all ${count} ${PLURAL[kind]} of ${schema}`;
  return `${objects.length} of ${count} ${PLURAL[kind]} of ${schema} (${abbreviate(objects.map(({ name }) => name))})`;
}

/** Existing and future objects of one schema. "Future" without creators covers those of all known creators. */
function inSchema(schema: string, line: Line, kind: ContentKind, creators: string[], counts: Comparison["counts"]) {
  const objects = line.objects.filter((object) => object.schema === schema);
  const lineCreators = line.future.filter((each) => each.schema === schema).map(({ creator }) => creator);
  const coversAll = creators.every((creator) => creator === line.role || lineCreators.includes(creator));
  const future = `future ${PLURAL[kind]}${coversAll ? "" : ` created by ${abbreviate(lineCreators)}`}`;
  if (objects.length === 0) return `${future}${schema === "" ? "" : ` in ${schema}`}`;
  const existing = objectsIn(schema, kind, objects, counts);
  return lineCreators.length === 0 ? existing : `${existing}, and on ${future}`;
}

/** The objects of a line, one part a database, table or schema. */
function parts(line: Line, creators: string[], counts: Comparison["counts"]): string[] {
  const { kind, objects, future } = line;
  if (kind === "database") return objects.map(({ name }) => `database ${name}`);
  if (kind === "column")
    return gathered(objects, ({ target }) => target).map((columns) => {
      const names = columns.map(({ column }) => String(column));
      const table = objectLabel({ ...(columns[0] as Line["objects"][number]), kind: "table" });
      return `${names.length === 1 ? "column" : "columns"} ${abbreviate(names)} of ${table}`;
    });
  if (!isContent(kind))
    return [`${kind}${objects.length > 1 ? "s" : ""} ${abbreviate(objects.map(({ name }) => name))}`];
  const schemas = [...new Set([...objects, ...future].map(({ schema }) => schema))];
  return schemas.map((schema) => inSchema(schema, line, kind, creators, counts));
}

/** The change as text: one line for each role, kind of object and set of privileges. */
export function describeChanges(
  comparison: Comparison,
  { database, undeclared, creators }: { database: string; undeclared: "revoke" | "report"; creators: string[] },
  groups: Groups,
): string[] {
  return linesOf(comparison, undeclared, groups).map((line) => {
    const on = parts(line, creators, comparison.counts);
    const more = on.length > NAMED ? `; and on ${on.length - NAMED} more` : "";
    const objects = on.slice(0, NAMED).join("; on ") + more;
    const where = line.kind === "database" ? "" : `${/[,;]/.test(objects) ? "," : ""} in database ${database}`;
    return `${named(line.role)} ${line.verb} ${line.privileges.join(", ")} on ${objects}${where}${line.remark}`;
  });
}
