import type { DatabaseConfig, GrantConfig } from "../config/databases";
import { tierOwner } from "../config/jobs";
import type { RoleConfig } from "../config/roles";
import { checkedObjectName, parseFunctionName, writeSignature } from "../config/object-name";
import type { DeclaredAccess } from "../provider/kinds/access/inputs";
import type { Grant } from "../provider/kinds/access/grant";

/** Parses the name of an object in the stack file, which the validation has checked. */
function named(kind: "table" | "sequence" | "function", text: string): { schema: string; name: string } {
  if (kind !== "function") return checkedObjectName(text);
  const { schema = "", name = text, args = "" } = parseFunctionName(text) ?? {};
  return { schema, name: writeSignature({ name, args }) };
}

function grantsOf(role: string, database: string, config: GrantConfig): Grant[] {
  const all: Grant[] = [{ role, on: { kind: "database", schema: "", name: database }, privileges: config.database }];
  for (const [schema, { schema: onSchema, tables, sequences, functions }] of Object.entries(config.schemas)) {
    all.push(
      { role, on: { kind: "schema", schema, name: schema }, privileges: onSchema },
      { role, on: { all: "table", schema }, privileges: tables },
      { role, on: { all: "sequence", schema }, privileges: sequences },
      { role, on: { all: "function", schema }, privileges: functions },
    );
  }
  for (const [kind, objects] of [
    ["table", config.tables],
    ["sequence", config.sequences],
    ["function", config.functions],
  ] as const) {
    for (const [object, privileges] of Object.entries(objects))
      all.push({ role, on: { kind, ...named(kind, object) }, privileges });
  }
  for (const [kind, objects] of [
    ["foreign data wrapper", config.foreignDataWrappers],
    ["foreign server", config.foreignServers],
  ] as const) {
    for (const [name, privileges] of Object.entries(objects))
      all.push({ role, on: { kind, schema: "", name }, privileges });
  }
  return all.filter(({ privileges }) => privileges.length > 0);
}

/** The keys of a declared role that decide who can create objects. */
type Member = Partial<Pick<RoleConfig, "memberOf" | "inherit">>;

/** Adds all roles that inherit privileges of one of `creators`, since they can create the same objects. */
function withMembers(creators: string[], roles: Record<string, Member>): Set<string> {
  const all = new Set(creators);
  const joins = ([name, { memberOf = [], inherit = true }]: [string, Member]) =>
    !all.has(name) && inherit && memberOf.some((group) => all.has(group));
  for (let found = creators; found.length > 0;) {
    found = Object.entries(roles)
      .filter(joins)
      .map(([name]) => name);
    found.forEach((name) => all.add(name));
  }
  return all;
}

/** The declared privileges of a database, and the roles whose future objects they apply to. */
export function declaredAccess(
  name: string,
  database: DatabaseConfig & { roles: Record<string, Member> },
): DeclaredAccess {
  const owners = Object.values(database.schemas).map(({ owner }) => owner ?? database.owner);
  // Roles that can create objects: owners, roles with CREATE on a schema, and members of both.
  const allowed = Object.entries(database.grants)
    .filter(([, { schemas }]) => Object.values(schemas).some(({ schema }) => schema.includes("CREATE")))
    .flatMap(([role]) => (role === "public" ? Object.keys(database.roles) : [role]));
  const tierOwners = Object.keys(database.tiers).map((table) => tierOwner(database, table));
  const owning = [database.owner, ...owners, ...tierOwners, database.migrations?.role ?? database.owner, "postgres"];
  const creators = withMembers([...owning, ...allowed], database.roles);
  return {
    database: name,
    owner: database.owner,
    schemas: ["public", ...Object.keys(database.schemas)].sort(),
    creators: [...creators].sort(),
    roles: Object.keys(database.roles).sort(),
    undeclared: database.undeclared,
    grants: Object.entries(database.grants).flatMap(([role, config]) => grantsOf(role, name, config)),
  };
}
