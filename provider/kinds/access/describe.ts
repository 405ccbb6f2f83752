import { AlternativeGrants, type Groups } from "./alternative-grants";
import type { ContentKind } from "./facts";
import { atomKey, changesOf, defaultKey, describeObject, kindIn, PLURAL, type Comparison } from "./privileges";
import { GRANTABLE, type Atom, type DefaultAtom, type Privileges } from "./statements";

// Pure: what a change of privileges means: who may do what afterwards that they could not before, and the reverse.

type Verb = "gains" | "loses" | "may no longer pass on";

/** What changes in the same way for one role. */
export interface Line {
  role: string;
  verb: Verb;
  /** Without WITH GRANT OPTION. */
  privileges: string[];
  kind: Atom["fact"]["kind"];
  objects: Atom["fact"][];
  /** On what others will make. */
  future: Pick<DefaultAtom, "creator" | "schema">[];
  /** What a reviewer has to know besides. */
  remark: string;
}

/** Objects of a schema are named up to this many, and schemas too. */
const NAMED = 6;

type Item = { role: string; verb: Verb; privilege: string; kind: Line["kind"]; remark: string } & (
  { object: Atom["fact"] } | { future: DefaultAtom }
);

/** The privilege itself, and what happens to it. Who loses it cannot pass it on either: that goes without saying. */
function verbOf(verb: Verb, privilege: string, whole: (privilege: string) => boolean) {
  if (!privilege.endsWith(GRANTABLE)) return { verb, privilege };
  const plain = privilege.slice(0, -GRANTABLE.length);
  return whole(plain) ? undefined : { verb: "may no longer pass on" as const, privilege: plain };
}

/** Each privilege by itself, with what there is to remark about it. */
function items(change: Privileges, verb: Verb, remark: Remark, more: Known) {
  const atoms = new Set(change.atoms.map(atomKey));
  const defaults = new Set(change.defaults.map(defaultKey));
  const [declared, usual] = [keysOf(more.former), keysOf(more.restore)];
  const words = (key: string, through?: string) =>
    remark(declared.has(key) ? "declared" : usual.has(key) ? "usual" : undefined, through);
  return [
    ...change.atoms.flatMap((atom): Item[] => {
      const happens = verbOf(verb, atom.privilege, (plain) => atoms.has(atomKey({ ...atom, privilege: plain })));
      const { fact, grantee: role } = atom;
      const said = words(atomKey(atom), more.otherwise.onObject(atom));
      return happens ? [{ role, ...happens, kind: fact.kind, remark: said, object: fact }] : [];
    }),
    ...change.defaults.flatMap((atom): Item[] => {
      const happens = verbOf(verb, atom.privilege, (plain) => defaults.has(defaultKey({ ...atom, privilege: plain })));
      const said = words(defaultKey(atom), more.otherwise.onFuture(atom));
      return happens ? [{ role: atom.grantee, ...happens, kind: atom.kind, remark: said, future: atom }] : [];
    }),
  ];
}

const keysOf = ({ atoms, defaults }: Privileges) => new Set([...atoms.map(atomKey), ...defaults.map(defaultKey)]);

interface Known {
  former: Privileges;
  restore: Privileges;
  otherwise: AlternativeGrants;
}

/** Says where a privilege is from, by the stack file until now or by PostgreSQL's own default, and through whom else a role has it. */
type Remark = (from: "declared" | "usual" | undefined, through?: string) => string;

const named = (through: string) => (through === "public" ? "PUBLIC" : through);

const lossRemark: Remark = (from, through) =>
  (through ? `, but has it through ${named(through)} too` : "") +
  (from === "declared" ? "" : ", which nobody declared");

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

/** The change in lines; what PUBLIC or a group has too counts by itself. */
export function linesOf(comparison: Comparison, undeclared: "revoke" | "report", groups: Groups): Line[] {
  const { there, former, restore } = comparison;
  const { taken, given } = changesOf(comparison, undeclared);
  const after = {
    atoms: [...without(there.atoms, taken.atoms, atomKey), ...given.atoms],
    defaults: [...without(there.defaults, taken.defaults, defaultKey), ...given.defaults],
  };
  const all = [
    ...items(taken, "loses", lossRemark, { former, restore, otherwise: new AlternativeGrants(after, groups) }),
    ...items(given, "gains", gainRemark, { former, restore, otherwise: new AlternativeGrants(there, groups) }),
  ];
  const each = gathered(all, ({ role, verb, remark, kind, privilege }) => [role, verb, remark, kind, privilege]);
  const alike = gathered(each, (same) => {
    const { role, verb, remark, kind } = same[0] as Item;
    return [role, verb, remark, kind, same.map(thing).sort()];
  });
  return alike.map((those) => lineOf(those[0] as Item[], those.map(([item]) => (item as Item).privilege).sort()));
}

const thing = (item: Item) =>
  JSON.stringify(
    "object" in item ? [item.object.target, item.object.column] : [item.future.creator, item.future.schema],
  );

/** Privileges on the same things are one line; `same` are those of one privilege. */
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

function some(names: string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}

const isContent = (kind: string): kind is ContentKind => kind in PLURAL;

/** The objects of one schema: all of a kind, or which. */
function objectsIn(schema: string, kind: ContentKind, objects: Line["objects"], counts: Comparison["counts"]): string {
  const [one] = objects;
  if (one && objects.length === 1) return describeObject(one);
  const count = counts.get(kindIn(kind, schema)) ?? 0;
  if (count === objects.length) return `all ${count} ${PLURAL[kind]} of ${schema}`;
  return `${objects.length} of ${count} ${PLURAL[kind]} of ${schema} (${some(objects.map(({ name }) => name))})`;
}

/** One schema: what is there, and what is to come. "To come" by itself: whoever of the known creators makes it. */
function inSchema(schema: string, line: Line, kind: ContentKind, creators: string[], counts: Comparison["counts"]) {
  const objects = line.objects.filter((object) => object.schema === schema);
  const makers = line.future.filter((each) => each.schema === schema).map(({ creator }) => creator);
  const anybody = creators.every((creator) => creator === line.role || makers.includes(creator));
  const will = anybody ? "to come" : `that ${some(makers)} will make`;
  if (objects.length === 0) return `${PLURAL[kind]} ${will}${schema === "" ? "" : ` in ${schema}`}`;
  const there = objectsIn(schema, kind, objects, counts);
  if (makers.length === 0) return there;
  return `${there}, and on ${objects.length === 1 ? PLURAL[kind] : "those"} ${will}`;
}

/** What a line is about, in parts that can be told one by one. */
function parts(line: Line, creators: string[], counts: Comparison["counts"]): string[] {
  const { kind, objects, future } = line;
  if (kind === "database") return objects.map(({ name }) => `database ${name}`);
  if (kind === "column")
    return gathered(objects, ({ target }) => target).map((columns) => {
      const names = columns.map(({ column }) => String(column));
      const table = describeObject({ ...(columns[0] as Line["objects"][number]), kind: "table" });
      return `${names.length === 1 ? "column" : "columns"} ${some(names)} of ${table}`;
    });
  if (!isContent(kind)) return [`${kind}${objects.length > 1 ? "s" : ""} ${some(objects.map(({ name }) => name))}`];
  const schemas = [...new Set([...objects, ...future].map(({ schema }) => schema))];
  return schemas.map((schema) => inSchema(schema, line, kind, creators, counts));
}

/** The whole change, a sentence for each role, kind of object and set of privileges. */
export function describeChanges(
  comparison: Comparison,
  { database, undeclared, creators }: { database: string; undeclared: "revoke" | "report"; creators: string[] },
  groups: Groups,
): string[] {
  return linesOf(comparison, undeclared, groups).map((line) => {
    const on = parts(line, creators, comparison.counts);
    const more = on.length > NAMED ? `; and on the like in ${on.length - NAMED} more places` : "";
    const what = on.slice(0, NAMED).join("; on ") + more;
    const where = line.kind === "database" ? "" : `${/[,;]/.test(what) ? "," : ""} in database ${database}`;
    return `${named(line.role)} ${line.verb} ${line.privileges.join(", ")} on ${what}${where}${line.remark}`;
  });
}
