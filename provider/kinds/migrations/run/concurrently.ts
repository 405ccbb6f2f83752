import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../../catalog-query";
import type { Statement } from "../files/file";
import type { Run } from "../session";

// Statements with CONCURRENTLY, which leave invalid indexes when they fail or are killed: CREATE INDEX one of its name, REINDEX ones
// with the suffix _ccnew or _ccold. All queries run as the migrations' role.

type Index = RowOf<typeof CONCURRENT_INDEXES>;
export const CONCURRENT_INDEXES = catalogQuery("concurrent-indexes", {
  schema: z.string(),
  name: z.string(),
  valid: z.boolean(),
});

async function indexesOf({ client }: Run, { indexes }: Statement): Promise<Index[]> {
  if (!indexes) return [];
  return readRows(client, CONCURRENT_INDEXES, indexes.scope, indexes.on ?? null, indexes.name ?? null);
}

/** Drops the invalid indexes that an earlier run of this statement left. */
export async function dropInvalid(run: Run, statement: Statement): Promise<void> {
  if (statement.indexes?.drops) return; // the statement itself drops the index
  for (const { schema, name, valid } of await indexesOf(run, statement)) {
    if (valid) continue;
    run.info(`dropping invalid index ${schema}.${name}`);
    await run.client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoted(schema)}.${quoted(name)}`);
  }
}

/** Describes what a killed run completed before it could record that; undefined if it did not complete the statement. */
export async function findCompleted(run: Run, statement: Statement): Promise<string | undefined> {
  const { indexes } = statement;
  if (indexes?.name === undefined) return undefined;
  const found = await indexesOf(run, statement);
  if (indexes.drops) return found.length === 0 ? `index ${indexes.name} was dropped` : undefined;
  const valid = found.find((each) => each.valid);
  return valid && `index ${valid.schema}.${valid.name} was built`;
}
