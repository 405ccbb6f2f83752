import type { Client } from "pg";
import { z } from "zod";
import { quoteObjectName } from "../../../config/object-name";
import { catalogQuery, readRows, type RowOf } from "../../catalog-query";
import { hasRoutine } from "../../exists";
import { tryForLock } from "../../lock";

// An ivfflat index keeps the centres of the rows that it was built with. An index, or the part of a partition, that was built with few
// or none of today's rows is rebuilt.

type Outgrown = RowOf<typeof VECTOR_OUTGROWN>;
export const VECTOR_OUTGROWN = catalogQuery("vector-outgrown", {
  part: z.string(),
  built: z.string(),
  rows: z.string(),
});
export const VECTOR_COPIES_INVALID = catalogQuery("vector-copies-invalid", { schema: z.string(), name: z.string() });

async function find(client: Client, oid: number): Promise<Outgrown[]> {
  return (await hasRoutine(client, "pgwright.vector_outgrown")) ? readRows(client, VECTOR_OUTGROWN, oid) : [];
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
  const rows = await readRows(client, VECTOR_COPIES_INVALID, part);
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
