import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { connect } from "./connection";
import type { Host } from "./host";
import { PERSON_OPTIONS } from "./session-options";

// Sessions of the superuser that others than pgwright open (a plugin of Pulumi, a client) cannot be given options in their start-up
// packet. Settings of the role rank above those of a database, too, and the owner of a database cannot change them.

/** What sessions of the superuser should begin with, by parameter: PostgreSQL's defaults. */
export const SUPERUSER_SETTINGS: Record<string, string> = PERSON_OPTIONS;

/** What of that is set. */
export async function readSuperuserSettings(client: Client): Promise<Record<string, string>> {
  const { rows } = await client.query<{ setting: string }>(
    `SELECT unnest(s.setconfig) AS setting FROM pg_catalog.pg_db_role_setting AS s
     WHERE s.setdatabase = 0 AND s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'postgres')`,
  );
  const set = rows.map(({ setting }) => setting.split(/=(.*)/s, 2) as [string, string]);
  return Object.fromEntries(set.filter(([name]) => name in SUPERUSER_SETTINGS));
}

/** Sets it. By a session that has begun with it, as ALTER ROLE takes no empty list otherwise. */
export async function setSuperuserSettings(host: Host): Promise<void> {
  const client = await connect(host, "postgres", { options: SUPERUSER_SETTINGS });
  try {
    const set = Object.keys(SUPERUSER_SETTINGS).map((name) => `ALTER ROLE postgres SET ${quoted(name)} FROM CURRENT;`);
    await client.query(set.join("\n"));
  } finally {
    await client.end();
  }
}
