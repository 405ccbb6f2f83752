import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../../sql/read";
import type { Statement } from "./file";
import type { Run } from "./session";

// Statements that work beside others and leave something behind when they fail or are killed: CREATE INDEX CONCURRENTLY an invalid
// index of its name, REINDEX CONCURRENTLY invalid ones with the suffix _ccnew or _ccold. All runs as the migrations' role.

interface Index {
  schema: string;
  name: string;
  valid: boolean;
}

async function indexesOf({ client }: Run, { indexes }: Statement): Promise<Index[]> {
  if (!indexes) return [];
  const { rows } = await client.query<Index>(readSql("catalog/concurrent-indexes.sql"), [
    indexes.scope,
    indexes.on ?? null,
    indexes.name ?? null,
  ]);
  return rows;
}

/** Drops the invalid indexes that this statement has left behind. */
export async function dropInvalid(run: Run, statement: Statement): Promise<void> {
  if (statement.indexes?.drops) return; // the statement drops it
  for (const { schema, name, valid } of await indexesOf(run, statement)) {
    if (valid) continue;
    run.info(`dropping invalid index ${schema}.${name}`);
    await run.client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${quoted(schema)}.${quoted(name)}`);
  }
}

/** Says that a statement was finished by a run that was killed before it could say so. */
export async function isDone(run: Run, statement: Statement): Promise<string | undefined> {
  const { indexes } = statement;
  if (indexes?.name === undefined) return undefined;
  const found = await indexesOf(run, statement);
  if (indexes.drops) return found.length === 0 ? `index ${indexes.name} was dropped` : undefined;
  const valid = found.find((each) => each.valid);
  return valid && `index ${valid.schema}.${valid.name} was finished`;
}
