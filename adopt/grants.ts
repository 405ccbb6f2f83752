import type { GrantConfig } from "../config/databases";
import { writeObjectName, writeSchema } from "../config/object-name";
import type { ContentKind, DefaultFact, PrivilegeFact } from "../provider/kinds/access/catalog";

// Pure: privileges of the catalog in the short forms of the stack file.

/** The declared privileges of a role, without empty keys. */
export type GrantWritten = Partial<Omit<GrantConfig, "schemas">> & {
  schemas?: Record<string, Partial<GrantConfig["schemas"][string]>>;
};

const PLURAL = { table: "tables", sequence: "sequences", function: "functions" } as const;

interface Scope {
  /** Roles that grants can name, including "public". */
  roles: string[];
  /** Roles whose future objects count. */
  creators: string[];
}

/** Collects grants by role. */
class Grants {
  readonly all: Record<string, GrantWritten> = {};

  private of(role: string): GrantWritten {
    return (this.all[role] ??= {});
  }

  onDatabase(role: string, privilege: string): void {
    add(this.of(role) as Lists, "database", privilege);
  }

  inSchema(role: string, schema: string, key: string, privilege: string): void {
    const schemas = (this.of(role).schemas ??= {});
    add((schemas[schema] ??= {}) as Lists, key, privilege);
  }

  onObject(role: string, key: string, object: string, privilege: string): void {
    const grant = this.of(role) as Record<string, Lists>;
    add((grant[key] ??= {}), object, privilege);
  }
}

type Lists = Record<string, string[]>;

function add(lists: Lists, key: string, item: string): void {
  lists[key] = [...(lists[key] ?? []), item];
}

const CONTENT = ["table", "sequence", "function"];

/** The privileges as grants of a stack file, which has neither grant options nor privileges on columns. */
export function writeGrants(
  facts: PrivilegeFact[],
  defaults: DefaultFact[],
  scope: Scope,
): Record<string, GrantWritten> {
  const grants = new Grants();
  const given = facts.filter(({ grantee, revoked }) => grantee !== null && !revoked && scope.roles.includes(grantee));
  for (const { kind, name, grantee, privilege } of given) {
    const [role, what] = [grantee as string, privilege as string];
    if (kind === "database") grants.onDatabase(role, what);
    else if (kind === "schema" && !(name === "public" && role === "public" && what === "USAGE"))
      grants.inSchema(role, name, "schema", what);
    else if (kind === "foreign data wrapper") grants.onObject(role, "foreignDataWrappers", name, what);
    else if (kind === "foreign server") grants.onObject(role, "foreignServers", name, what);
  }
  writeContents(grants, facts, defaults, scope);
  return Object.fromEntries(Object.entries(grants.all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Tables, sequences and functions: a grant on all of a schema if it holds for future objects too, else grants on single objects. */
function writeContents(grants: Grants, facts: PrivilegeFact[], defaults: DefaultFact[], scope: Scope): void {
  const contents = facts.filter(({ kind }) => CONTENT.includes(kind));
  for (const { role, schema, kind, privilege, objects } of collectHeld(contents, defaults, scope)) {
    const existing = new Set(
      contents
        .filter((each) => each.kind === kind && each.schema === schema && each.owner !== role)
        .map(({ name }) => name),
    );
    const all =
      existing.size === objects.length &&
      isGrantedOnFuture(defaults, { role, schema, kind, privilege }, scope, objects.length > 0);
    if (all) grants.inSchema(role, schema, PLURAL[kind], privilege);
    else for (const name of objects) grants.onObject(role, PLURAL[kind], written(kind, schema, name), privilege);
  }
}

function written(kind: ContentKind, schema: string, name: string): string {
  return kind === "function" ? writeSchema(schema) + name : writeObjectName({ schema, name });
}

interface Held {
  role: string;
  schema: string;
  kind: ContentKind;
  privilege: string;
}

/** Each privilege of a role on a kind of objects in a schema, with the objects on which the role holds it. */
function collectHeld(
  facts: PrivilegeFact[],
  defaults: DefaultFact[],
  { roles, creators }: Scope,
): (Held & { objects: string[] })[] {
  const found = new Map<string, Held & { objects: string[] }>();
  const objectsOf = (held: Held) => {
    const id = JSON.stringify([held.role, held.schema, held.kind, held.privilege]);
    const item = found.get(id) ?? { ...held, objects: [] };
    found.set(id, item);
    return item.objects;
  };
  for (const { grantee, privilege, schema, kind, name, revoked } of facts) {
    if (grantee !== null && privilege !== null && !revoked && roles.includes(grantee))
      objectsOf({ role: grantee, schema, kind: kind as ContentKind, privilege }).push(name);
  }
  for (const { creator, grantee, schema, kind, privilege } of defaults) {
    if (schema !== "" && roles.includes(grantee) && creators.includes(creator))
      objectsOf({ role: grantee, schema, kind, privilege });
  }
  return [...found.values()].map((each) => ({ ...each, objects: [...new Set(each.objects)] }));
}

/** True if future objects of a creator get the privilege. Default privileges for all schemas count only in a schema with objects. */
function isGrantedOnFuture(defaults: DefaultFact[], held: Held, { creators }: Scope, holdsSome: boolean): boolean {
  return defaults.some(
    (each) =>
      each.grantee === held.role &&
      each.kind === held.kind &&
      each.privilege === held.privilege &&
      each.creator !== held.role &&
      creators.includes(each.creator) &&
      (each.schema === held.schema || (each.schema === "" && holdsSome)),
  );
}
