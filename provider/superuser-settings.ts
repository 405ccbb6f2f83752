import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { rowsOf } from "./catalog-query";
import { connect } from "./connection";
import type { Host } from "./host";
import { INTERACTIVE_OPTIONS } from "./session-options";

// pgwright cannot add options to the start-up packet of superuser sessions that other programs open (a plugin of Pulumi, a client).
// Settings of the role override those of a database too, and the owner of a database cannot change them.

/** Settings of the role postgres, by parameter: PostgreSQL's defaults. */
export const SUPERUSER_SETTINGS: Record<string, string> = INTERACTIVE_OPTIONS;

/** Reads the values that the role postgres has for SUPERUSER_SETTINGS. */
export async function readSuperuserSettings(client: Client): Promise<Record<string, string>> {
  const rows = await rowsOf(
    client,
    { setting: z.string() },
    `SELECT pg_catalog.unnest(s.setconfig) AS setting FROM pg_catalog.pg_db_role_setting AS s
     WHERE s.setdatabase = 0 AND s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'postgres')`,
  );
  const set = rows.map(({ setting }) => setting.split(/=(.*)/s, 2) as [string, string]);
  return Object.fromEntries(set.filter(([name]) => name in SUPERUSER_SETTINGS));
}

/** Sets SUPERUSER_SETTINGS. FROM CURRENT, in a session with these values, since ALTER ROLE accepts no empty list as a literal. */
export async function setSuperuserSettings(host: Host): Promise<void> {
  const client = await connect(host, "postgres", { options: SUPERUSER_SETTINGS });
  try {
    const set = Object.keys(SUPERUSER_SETTINGS).map((name) => `ALTER ROLE postgres SET ${quoted(name)} FROM CURRENT;`);
    await client.query(set.join("\n"));
  } finally {
    await client.end();
  }
}
