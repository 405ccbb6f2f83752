import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../../sql/read";
import type { RoleFact } from "../role/changes";
import { takeOver } from "../role/memberships";
import type { AccessInputs } from "./inputs";

// What the stack file no longer has: roles, whose possessions go to the database's owner, and schemas.

/** Objects are named in messages up to this many. */
const NAMED = 20;

export function listed(items: string[]): string {
  const more = items.length - NAMED;
  return more > 0 ? `${items.slice(0, NAMED).join(", ")} and ${more} more` : items.join(", ");
}

/** Roles that the stack file no longer has. */
export function retiredRoles(former: AccessInputs | undefined, { roles }: AccessInputs): string[] {
  return (former?.roles ?? []).filter((role) => !roles.includes(role));
}

/** Schemas that the stack file no longer has. */
export function removedSchemas(former: AccessInputs | undefined, { schemas }: AccessInputs): string[] {
  return (former?.schemas ?? []).filter((schema) => !schemas.includes(schema));
}

/** What will become of what removed roles have in this database, in words. */
export async function explainRetired(
  client: Client,
  roles: string[],
  { database, owner }: AccessInputs,
): Promise<string[]> {
  interface Row {
    role: string;
    objects: string[];
    sessions: number;
    defaults: number;
  }
  const { rows } = await client.query<Row>(readSql("catalog/owned-objects.sql"), [roles]);
  return rows.flatMap(({ role, objects, sessions, defaults }) => [
    objects.length > 0
      ? `role ${role} is removed; what it owns in ${database} goes to ${owner}: ${listed(objects)}`
      : `role ${role} is removed; it owns nothing in ${database}`,
    ...(defaults > 0 ? [`role ${role} is removed; so are its default privileges in ${database}`] : []),
    ...(sessions > 0 ? [`role ${role} is removed; its open sessions are ended: ${sessions}`] : []),
  ]);
}

/** Ends the sessions of roles that are removed, for good: what they hold locked could not change its owner. */
export async function endSessions(client: Client, roles: string[]): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", [
    roles,
  ]);
  for (const { rolname } of rows) await client.query(`ALTER ROLE ${quoted(rolname)} NOLOGIN`);
  await client.query(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = ANY ($1) AND pid <> pg_backend_pid()",
    [roles],
  );
}

/** Takes from a role that is no longer declared what it has in this database, so that it can be dropped. */
export async function retire(client: Client, role: string, heir: string): Promise<void> {
  const { rows } = await client.query<RoleFact>(readSql("catalog/roles.sql"), [[role]]);
  const [fact] = rows;
  if (!fact) return;
  // DROP OWNED would take from others the memberships that it has granted.
  for (const statement of takeOver(fact.granted)) await client.query(statement);
  await client.query(`REASSIGN OWNED BY ${quoted(role)} TO ${quoted(heir)}`);
  await client.query(`DROP OWNED BY ${quoted(role)}`);
}

interface Content {
  schema: string;
  type: string;
  identity: string;
}

async function contents(client: Client, schemas: string[]): Promise<Content[]> {
  if (schemas.length === 0) return [];
  return (await client.query<Content>(readSql("catalog/schema-contents.sql"), [schemas])).rows;
}

/** What becomes of removed schemas, in words, and whether something goes with them; throws if that may not be dropped. */
export async function explainDrop(
  client: Client,
  inputs: AccessInputs,
  schemas: string[],
): Promise<{ text: string; loss: boolean }[]> {
  const found = await contents(client, schemas);
  const told = schemas.map((schema) => {
    const objects = found.filter((each) => each.schema === schema).map(({ type, identity }) => `${type} ${identity}`);
    return { schema, objects };
  });
  const refused = told.filter(({ schema, objects }) => objects.length > 0 && !inputs.dropSchemas.includes(schema));
  if (refused.length > 0) {
    const lines = refused.map(
      ({ schema, objects }) => `schema ${schema} of database ${inputs.database} still holds ${listed(objects)}`,
    );
    const names = refused.map(({ schema }) => schema).join(", ");
    throw new Error(
      `${lines.join("\n")}\nput it back, empty it by a migration, or add ${names} to the database's dropSchemas to lose all of it`,
    );
  }
  return told.map(({ schema, objects }) => {
    const gone = `schema ${schema} of database ${inputs.database} is removed`;
    const loss = objects.length > 0;
    return { loss, text: loss ? `${gone} with all that it holds: ${listed(objects)}` : `${gone}; it is empty` };
  });
}

/** Empties schemas that are removed. Dropping the empty schema is left to its own resource. */
export async function dropContents(client: Client, inputs: AccessInputs, schemas: string[]): Promise<void> {
  await explainDrop(client, inputs, schemas);
  for (const { type, identity } of await contents(client, schemas)) {
    await client.query(`DROP ${type} IF EXISTS ${identity} CASCADE`);
  }
}
