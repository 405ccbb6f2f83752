import type { Client } from "pg";
import { quoteObjectName, type ObjectName } from "../../../config/object-name";
import { tryForLock } from "../../lock";

// An ivfflat index keeps the centres of the rows that it was built with. An index, or the part of a partition, that was built with few
// or none of today's rows is rebuilt.

interface Outgrown {
  part: string;
  built: string;
  rows: string;
}

async function find(client: Client, oid: number): Promise<Outgrown[]> {
  const has = "SELECT to_regproc('pgwright.vector_outgrown') IS NOT NULL AS is";
  if (!(await client.query<{ is: boolean }>(has)).rows[0]?.is) return [];
  return (await client.query<Outgrown>("SELECT part, built, rows FROM pgwright.vector_outgrown($1)", [oid])).rows;
}

/** Parts of an index whose centres are outgrown. */
export async function outgrownProblems(client: Client, { oid }: { oid: number }): Promise<string[]> {
  return (await find(client, oid)).map(
    ({ part, built, rows }) => `${part} has the centres of ${built} rows, and its table has about ${rows}`,
  );
}

/** Records the number of rows that an index was built with. */
export async function noteBuild(client: Client, index: string): Promise<void> {
  await client.query(
    `INSERT INTO pgwright.vector_builds
     SELECT i.oid, greatest(i.reltuples, 0) FROM pg_class AS i JOIN pg_am AS m ON m.oid = i.relam AND m.amname = 'ivfflat'
     WHERE i.oid = to_regclass($1) AND i.relkind = 'i'
     ON CONFLICT (index_oid) DO UPDATE SET row_count = excluded.row_count`,
    [index],
  );
  await client.query(
    "DELETE FROM pgwright.vector_builds AS b WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = b.index_oid)",
  );
}

/** Drops invalid indexes that a failed REINDEX CONCURRENTLY left on the table. */
async function dropInvalidCopies(client: Client, part: string): Promise<void> {
  const { rows } = await client.query<ObjectName>(
    `SELECT n.nspname AS schema, c.relname AS name
     FROM pg_index AS x JOIN pg_index AS l ON l.indrelid = x.indrelid AND NOT l.indisvalid
     JOIN pg_class AS c ON c.oid = l.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE x.indexrelid = to_regclass($1) AND c.relname ~ '_cc(new|old)[0-9]*$'`,
    [part],
  );
  for (const index of rows) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoteObjectName(index)}`);
}

/** Rebuilds the outgrown parts of an index; true if there were any. */
export async function rebuildOutgrown(
  client: Client,
  { oid }: { oid: number },
  info: (text: string) => void,
): Promise<boolean> {
  const parts = await find(client, oid);
  for (const { part, rows } of parts) {
    const statement = `REINDEX INDEX CONCURRENTLY ${part}`;
    await dropInvalidCopies(client, part);
    await tryForLock(statement, info, () =>
      client.query(statement).catch(async (error: unknown) => {
        await dropInvalidCopies(client, part).catch(() => undefined); // the connection may be gone
        throw error;
      }),
    );
    await noteBuild(client, part);
    info(`${part}: rebuilt with about ${rows} rows`);
  }
  return parts.length > 0;
}
