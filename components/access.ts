import type { DatabaseConfig, GrantConfig } from "../config/stack";
import { describe, type Grant } from "../provider/kinds/access/privileges";
import type { AccessInputs } from "../provider/kinds/access";

/** Splits `schema.name`; the name may hold dots, and a function its argument types. */
function split(object: string): { schema: string; name: string } {
  const dot = object.indexOf(".");
  return { schema: object.slice(0, dot), name: object.slice(dot + 1) };
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
    for (const [object, privileges] of Object.entries(objects)) all.push({ role, on: { kind, ...split(object) }, privileges });
  }
  for (const [kind, objects] of [
    ["foreign data wrapper", config.foreignDataWrappers],
    ["foreign server", config.foreignServers],
  ] as const) {
    for (const [name, privileges] of Object.entries(objects)) all.push({ role, on: { kind, schema: "", name }, privileges });
  }
  return all.filter(({ privileges }) => privileges.length > 0);
}

/** What the resource Access of a database gets: its grants, and whose objects to come they hold for. */
export function wantedAccess(name: string, database: DatabaseConfig & { roles: Record<string, unknown> }): AccessInputs {
  const grants = Object.entries(database.grants).flatMap(([role, config]) => grantsOf(role, name, config));
  const owners = Object.values(database.schemas).map(({ owner }) => owner ?? database.owner);
  const creators = new Set([database.owner, ...owners, database.migrations?.role ?? database.owner, "postgres"]);
  return {
    database: name,
    owner: database.owner,
    schemas: ["public", ...Object.keys(database.schemas)].sort(),
    creators: [...creators].sort(),
    roles: Object.keys(database.roles).sort(),
    undeclared: database.undeclared,
    privileges: Object.fromEntries(grants.map((grant) => [describe(grant), [...grant.privileges].sort()])),
    grants,
  };
}
