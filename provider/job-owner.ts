import type { Client } from "pg";

/** What a job of a database does with tables, as a refusal says it. */
export interface OwnerJob {
  /** "maintains partitions". */
  does: string;
  /** What of the tables' owners its statements run: "the triggers, defaults and expressions". */
  runs: string;
  /** Key of the stack file that names another role: "partitions.role". */
  key: string;
  /** What that role has to be able to do beside logging in. */
  needs: (table: string, owner: string) => string;
}

/**
 * A job of the database's owner works on tables of that role: it does not run code of others in its sessions. Throws for the first of
 * the tables (schema.name, as SQL takes it) that belongs to another role; one that does not exist belongs to nobody.
 */
export async function mustBelongToJob(client: Client, tables: string[], job: OwnerJob): Promise<void> {
  const { rows } = await client.query<{ name: string; owner: string; job: string }>(
    `SELECT t.name, pg_catalog.pg_get_userbyid(c.relowner) AS owner, pg_catalog.pg_get_userbyid(d.datdba) AS job
     FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS t (name, place)
     JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(t.name)
     JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
     WHERE c.relowner <> d.datdba ORDER BY t.place LIMIT 1`,
    [tables],
  );
  const [other] = rows;
  if (!other) return;
  const { name, owner } = other;
  throw new Error(
    `${name} belongs to ${owner}, and the job that ${job.does} is one of ${other.job}, the owner of the database, in whose sessions ` +
      `${job.runs} of ${owner} would run: write ${job.key}, a role that may log in and ${job.needs(name, owner)}, such as ${owner} itself`,
  );
}
