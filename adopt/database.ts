import { wantedAccess } from "../components/access";
import { databaseSchema } from "../config/databases";
import type { Stack, StackInput } from "../config/stack";
import type { DefaultFact } from "../provider/kinds/access/facts";
import { compare, isBuiltIn, linesOf } from "../provider/kinds/access/privileges";
import { statements } from "../provider/kinds/access/statements";
import type { ContentFact, DatabaseFact } from "./facts";
import { writeGrants } from "./grants";
import { missingExtension } from "./extensions";
import type { Report } from "./told";

// Pure: a database of the catalog as a stack file declares it.

export type DatabaseWritten = NonNullable<StackInput["databases"]>[string];

/** Roles that can be named, "public" aside. */
export interface Names {
  roles: string[];
  /** The image that the stack runs is made from the one of the source. */
  sameImage: boolean;
}

const mayName = ({ roles }: Names, role: string) => role === "postgres" || roles.includes(role);

/** Why a database cannot be declared, if so. */
export function whyNot(fact: DatabaseFact, names: Names): string | undefined {
  if (fact.isTemplate) return "it is a template";
  if (!fact.allowsConnections) return "it takes no connections";
  if (!mayName(names, fact.owner))
    return `its owner ${fact.owner} cannot be declared; ALTER DATABASE ... OWNER TO a role without SUPERUSER, and adopt again`;
  return undefined;
}

function writeSchemas(at: string[], fact: DatabaseFact, { schemas }: ContentFact, names: Names, report: Report) {
  const declared = schemas.filter(({ name, owner }) => {
    if (mayName(names, owner)) return true;
    report.leave(at, `schema ${name} stays as it is, with the privileges in it: its owner ${owner} cannot be declared`);
    return false;
  });
  return Object.fromEntries(declared.map(({ name, owner }) => [name, owner === fact.owner ? {} : { owner }]));
}

function writeExtensions(at: string[], { extensions }: ContentFact, schemas: string[], names: Names, report: Report) {
  const declared = extensions.filter(({ name, schema }) => {
    if (name === "pg_cron") return false; // server.cronDatabase says it
    const missing = names.sameImage ? undefined : missingExtension(name);
    if (missing) report.leave(at, `extension ${name}: ${missing}`);
    else if (!schemas.includes(schema))
      report.leave(at, `extension ${name} stays as it is: its schema ${schema} cannot be declared`);
    else return true;
    return false;
  });
  return Object.fromEntries(declared.map(({ name, schema }) => [name, schema === "public" ? {} : { schema }]));
}

/** What PostgreSQL gives by itself counts for the roles that make objects here. */
function defaultsFor(creators: string[], defaults: DefaultFact[], schemas: string[]): DefaultFact[] {
  return defaults.filter(
    (each) =>
      (each.schema === "" || schemas.includes(each.schema)) && (!isBuiltIn(each) || creators.includes(each.creator)),
  );
}

/** The database without its jobs, with all privileges that a stack file can say. */
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
  // Who makes objects depends on who may, which the privileges on schemas tell.
  const first = { ...written, grants: writeGrants(facts, [], { roles, creators: [] }) };
  const { creators } = wantedAccess(fact.name, { ...databaseSchema.parse(first), roles: {} }, []);
  const grants = writeGrants(facts, defaultsFor(creators, content.defaults, managed), { roles, creators });
  return Object.keys(grants).length > 0 ? { ...written, grants } : written;
}

/** What the stack makes of the privileges that are there. */
export interface Made {
  /** The statements of the resource Access that give something. */
  grants: string[];
  /** Privileges that no grant declares, in words. */
  undeclared: string[];
  /** Objects that grants name and that do not exist. */
  unknown: string[];
}

export function comparePrivileges(name: string, content: ContentFact, stack: Stack): Made {
  const wanted = wantedAccess(name, { ...stack.databases[name]!, roles: stack.roles }, []);
  const managed = wanted.schemas;
  const privileges = content.privileges.filter(({ schema }) => schema === "" || managed.includes(schema));
  const defaults = defaultsFor(wanted.creators, content.defaults, managed);
  const { grant, undeclared, unknown } = compare({ privileges, defaults }, wanted);
  return { grants: statements("GRANT", grant), undeclared: linesOf(undeclared), unknown };
}
