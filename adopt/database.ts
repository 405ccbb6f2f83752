import { declaredAccess } from "../components/access";
import { databaseSchema } from "../config/databases";
import type { Stack, StackInput } from "../config/stack";
import type { DefaultFact } from "../provider/kinds/access/catalog";
import { compare, isBuiltIn } from "../provider/kinds/access/compare";
import { linesOf } from "../provider/kinds/access/grant";
import { statements } from "../provider/kinds/access/statements";
import type { ContentFact, DatabaseFact } from "./facts";
import { writeGrants } from "./grants";
import { missingExtension } from "./extensions";
import type { Report } from "./report";

// Pure: a database of the catalog as a stack file declares it.

export type DatabaseWritten = NonNullable<StackInput["databases"]>[string];

/** What keys of a database may name. */
export interface Names {
  /** Declared roles, without "public". */
  roles: string[];
  /** The image of the stack is based on the image of the source. */
  sameImage: boolean;
}

const mayName = ({ roles }: Names, role: string) => role === "postgres" || roles.includes(role);

/** Why a database cannot be declared; undefined if it can. */
export function whyUndeclarable(fact: DatabaseFact, names: Names): string | undefined {
  if (fact.isTemplate) return "it is a template";
  if (!fact.allowsConnections) return "it allows no connections";
  if (!mayName(names, fact.owner))
    return `its owner ${fact.owner} cannot be declared; ALTER DATABASE ... OWNER TO a role without SUPERUSER, and adopt again`;
  return undefined;
}

function writeSchemas(at: string[], fact: DatabaseFact, { schemas }: ContentFact, names: Names, report: Report) {
  const declared = schemas.filter(({ name, owner }) => {
    if (mayName(names, owner)) return true;
    report.addNote(
      at,
      `schema ${name} and the privileges in it are not managed: its owner ${owner} cannot be declared`,
    );
    return false;
  });
  return Object.fromEntries(declared.map(({ name, owner }) => [name, owner === fact.owner ? {} : { owner }]));
}

function writeExtensions(at: string[], { extensions }: ContentFact, schemas: string[], names: Names, report: Report) {
  const declared = extensions.filter(({ name, schema }) => {
    if (name === "pg_cron") return false; // server.cronDatabase declares it
    const missing = names.sameImage ? undefined : missingExtension(name);
    if (missing) report.addNote(at, `extension ${name}: ${missing}`);
    else if (!schemas.includes(schema))
      report.addNote(at, `extension ${name} is not managed: its schema ${schema} cannot be declared`);
    else return true;
    return false;
  });
  return Object.fromEntries(declared.map(({ name, schema }) => [name, schema === "public" ? {} : { schema }]));
}

/** Default privileges in the managed schemas. PostgreSQL's built-in ones count only for roles that create objects here. */
function defaultsFor(creators: string[], defaults: DefaultFact[], schemas: string[]): DefaultFact[] {
  return defaults.filter(
    (each) =>
      (each.schema === "" || schemas.includes(each.schema)) && (!isBuiltIn(each) || creators.includes(each.creator)),
  );
}

/** The database with all privileges that a stack file can declare, and without its jobs. */
export function writeDatabase(fact: DatabaseFact, content: ContentFact, names: Names, report: Report): DatabaseWritten {
  const at = ["databases", fact.name];
  const schemas = writeSchemas(at, fact, content, names, report);
  const extensions = writeExtensions(at, content, ["public", ...Object.keys(schemas)], names, report);
  const written: DatabaseWritten = {
    owner: fact.owner,
    ...(fact.connectionLimit === -1 ? {} : { connectionLimit: fact.connectionLimit }),
    ...(Object.keys(schemas).length > 0 ? { schemas } : {}),
    ...(Object.keys(extensions).length > 0 ? { extensions } : {}),
  };
  const managed = ["public", ...Object.keys(schemas)];
  const facts = content.privileges.filter(({ schema }) => schema === "" || managed.includes(schema));
  const roles = ["public", "postgres", ...names.roles];
  // Which roles can create objects depends on the privileges on schemas, so these are written first.
  const first = { ...written, grants: writeGrants(facts, [], { roles, creators: [] }) };
  const { creators } = declaredAccess(fact.name, { ...databaseSchema.parse(first), roles: {} });
  const grants = writeGrants(facts, defaultsFor(creators, content.defaults, managed), { roles, creators });
  return Object.keys(grants).length > 0 ? { ...written, grants } : written;
}

/** What the first update does to the privileges of a database. */
export interface PrivilegeComparison {
  /** The GRANT statements of the resource Access. */
  grants: string[];
  /** Descriptions of the privileges that no grant declares. */
  undeclared: string[];
  /** Objects that grants name and that do not exist. */
  unknown: string[];
}

export function comparePrivileges(name: string, content: ContentFact, stack: Stack): PrivilegeComparison {
  const declared = declaredAccess(name, { ...stack.databases[name]!, roles: stack.roles });
  const managed = declared.schemas;
  const privileges = content.privileges.filter(({ schema }) => schema === "" || managed.includes(schema));
  const defaults = defaultsFor(declared.creators, content.defaults, managed);
  const { grant, undeclared, unknown } = compare({ privileges, defaults }, declared);
  return { grants: statements("GRANT", grant), undeclared: linesOf(undeclared), unknown };
}
