import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { ROLES } from "../role/catalog";
import { regrantMemberships } from "../role/memberships";
import type { AccessInputs, DeclaredAccess } from "./inputs";

// Roles and schemas that are no longer declared. The objects of such a role get the database's owner as their owner.

/** Longest list of objects in a message. */
const NAMED = 20;

export function formatList(items: string[]): string {
  const more = items.length - NAMED;
  return more > 0 ? `${items.slice(0, NAMED).join(", ")} and ${more} more` : items.join(", ");
}

/** Roles that are no longer declared. */
export function retiredRoles(former: DeclaredAccess | undefined, { roles }: DeclaredAccess): string[] {
  return (former?.roles ?? []).filter((role) => !roles.includes(role));
}

/** Schemas that are no longer declared. */
export function removedSchemas(former: DeclaredAccess | undefined, { schemas }: DeclaredAccess): string[] {
  return (former?.schemas ?? []).filter((schema) => !schemas.includes(schema));
}

export const OWNED_OBJECTS = catalogQuery("owned-objects", {
  role: z.string(),
  objects: z.array(z.string()),
  sessions: z.number(),
  defaults: z.number(),
});

/** Describes what happens to the objects, default privileges and sessions of removed roles in this database. */
export async function explainRetired(
  client: Client,
  roles: string[],
  { database, owner }: DeclaredAccess,
): Promise<string[]> {
  const rows = await readRows(client, OWNED_OBJECTS, roles);
  return rows.flatMap(({ role, objects, sessions, defaults }) => [
    objects.length > 0
      ? `role ${role} is removed; ${owner} becomes the owner of its objects in ${database}: ${formatList(objects)}`
      : `role ${role} is removed; it owns no objects in ${database}`,
    ...(defaults > 0 ? [`role ${role} is removed; its default privileges in ${database} are removed too`] : []),
    ...(sessions > 0 ? [`role ${role} is removed; its sessions are terminated: ${sessions}`] : []),
  ]);
}

/**
 * Waits for other sessions that change roles: those of other databases retire the same role at the same time, for which PostgreSQL
 * fails with "tuple concurrently updated". Advisory locks would not help, as each database has its own.
 */
const LOCK_ROLES = "LOCK TABLE pg_catalog.pg_authid, pg_catalog.pg_auth_members IN SHARE ROW EXCLUSIVE MODE";

/** Terminates the sessions of removed roles and sets NOLOGIN: a locked object cannot change its owner. */
export async function endSessions(client: Client, roles: string[]): Promise<void> {
  const rows = await rowsOf(
    client,
    { rolname: z.string() },
    "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)",
    [roles],
  );
  const changes = rows.map(({ rolname }) => `ALTER ROLE ${quoted(rolname)} NOLOGIN`);
  await client.query(["BEGIN", LOCK_ROLES, ...changes, "COMMIT"].join("; "));
  await client.query(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = ANY ($1) AND pid <> pg_backend_pid()",
    [roles],
  );
}

/** Reassigns the objects and revokes the privileges of a role in this database, so that the role can be dropped; in a transaction. */
export async function retire(client: Client, role: string, heir: string): Promise<void> {
  await client.query(LOCK_ROLES);
  const [fact] = await readRows(client, ROLES, [role]);
  if (!fact) return;
  // DROP OWNED revokes the memberships that the role has granted to others.
  for (const statement of regrantMemberships(fact.granted)) await client.query(statement);
  await client.query(`REASSIGN OWNED BY ${quoted(role)} TO ${quoted(heir)}`);
  await client.query(`DROP OWNED BY ${quoted(role)}`);
}

type Droppable = Pick<AccessInputs, "database" | "dropSchemas">;

type Content = RowOf<typeof SCHEMA_CONTENTS>;
export const SCHEMA_CONTENTS = catalogQuery("schema-contents", {
  schema: z.string(),
  type: z.string(),
  identity: z.string(),
});

async function contents(client: Client, schemas: string[]): Promise<Content[]> {
  if (schemas.length === 0) return [];
  return readRows(client, SCHEMA_CONTENTS, schemas);
}

/** Describes the drop of removed schemas, and whether it loses objects; throws if dropSchemas does not allow that. */
export async function explainDrop(
  client: Client,
  { database, dropSchemas }: Droppable,
  schemas: string[],
): Promise<{ text: string; loss: boolean }[]> {
  const found = await contents(client, schemas);
  const removed = schemas.map((schema) => {
    const objects = found.filter((each) => each.schema === schema).map(({ type, identity }) => `${type} ${identity}`);
    return { schema, objects };
  });
  const refused = removed.filter(({ schema, objects }) => objects.length > 0 && !dropSchemas.includes(schema));
  if (refused.length > 0) {
    const lines = refused.map(
      ({ schema, objects }) => `schema ${schema} of database ${database} still contains ${formatList(objects)}`,
    );
    const names = refused.map(({ schema }) => schema).join(", ");
    throw new Error(
      `${lines.join("\n")}\ndeclare the schema again, empty it by a migration, or add ${names} to dropSchemas of the database to drop it with its objects`,
    );
  }
  return removed.map(({ schema, objects }) => {
    const dropped = `schema ${schema} of database ${database} is dropped`;
    const loss = objects.length > 0;
    return { loss, text: loss ? `${dropped} with all its objects: ${formatList(objects)}` : `${dropped}; it is empty` };
  });
}

/** Empties removed schemas. The resource Schema drops the empty schema. */
export async function dropContents(client: Client, droppable: Droppable, schemas: string[]): Promise<void> {
  await explainDrop(client, droppable, schemas);
  for (const { type, identity } of await contents(client, schemas)) {
    await client.query(`DROP ${type} IF EXISTS ${identity} CASCADE`);
  }
}
