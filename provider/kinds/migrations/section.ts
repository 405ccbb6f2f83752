import type { Client, DatabaseError } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT } from "../../lock";
import { located } from "../../sql-file";
import { backfill } from "./backfill";
import { hashOfDone, type Statement } from "./file";
import { forget, forgetUnbegun, record, recordBegun } from "./ledger";
import { enterRole, LEAVE_ROLE, withLockRetry, type Run } from "./session";

export async function runSection(run: Run): Promise<void> {
  const started = Date.now();
  if (run.section.transaction) await withLockRetry(run, () => inTransaction(run));
  else await oneByOne(run);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  run.info(`${run.direction === "up" ? "applied" : "undid"} ${run.file.file} in ${seconds} s`);
}

async function inTransaction(run: Run): Promise<void> {
  const { client, section, direction, file } = run;
  let statement = section.statements[0] as Statement;
  try {
    await client.query("BEGIN");
    await enterRole(run, LOCK_TIMEOUT);
    for (statement of section.statements) await client.query(statement.sql);
    // Constraints that are checked at the end are checked here, where the file is known.
    await client.query("SET CONSTRAINTS ALL IMMEDIATE");
    await client.query(LEAVE_ROLE);
    if (direction === "up") await record(client, file);
    else await forget(client, file.version);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined); // the connection may be gone
    throw located(file.file, statement, error as DatabaseError);
  }
}

async function oneByOne(run: Run): Promise<void> {
  const { client, section, direction, file, from } = run;
  const up = direction === "up";
  if (up) await recordBegun(client, file, from, hashOfDone(section, from));
  for (const [i, statement] of section.statements.entries()) {
    if (i < from) continue;
    try {
      if (statement.batch) await backfill(run, statement, statement.batch, i);
      else await withLockRetry(run, () => alone(run, statement, i === from && from > 0));
    } catch (error) {
      await dropInvalidIndex(run, statement).catch(() => undefined);
      // Nothing done: as before. Something done: the next run goes on from here.
      const failed = (error as DatabaseError).code ?? statement.batch;
      if (up && i === 0 && failed) await forgetUnbegun(client, file.version).catch(() => undefined);
      const done =
        i === 0
          ? []
          : [`statements 1 to ${i} of ${section.statements.length} are done; the next run goes on with this one`];
      throw located(file.file, statement, error as DatabaseError, up ? done : []);
    }
    if (up) await recordBegun(client, file, i + 1, hashOfDone(section, i + 1));
  }
  if (up) await record(client, file);
  else await forget(client, file.version);
}

async function alone(run: Run, statement: Statement, resumed: boolean): Promise<void> {
  const { client, info } = run;
  await dropInvalidIndex(run, statement);
  const { concurrentIndex: index } = statement;
  if (index && resumed && (await indexes(client, index, true)).length > 0) {
    info(`index ${index.schema}.${index.name} was finished before the last run was interrupted`);
    return;
  }
  await enterRole(run, index ? CONCURRENT_LOCK_TIMEOUT : LOCK_TIMEOUT);
  try {
    await client.query(statement.sql);
  } finally {
    await client.query(LEAVE_ROLE).catch(() => undefined); // the connection may be gone
  }
}

async function indexes(client: Client, { schema, name }: { schema: string; name: string }, valid: boolean) {
  const { rows } = await client.query(
    `SELECT FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE indisvalid = $3 AND c.relname = $2 AND n.nspname = $1`,
    [schema, name, valid],
  );
  return rows;
}

/** CREATE INDEX CONCURRENTLY that fails or is killed leaves an invalid index under its name. */
async function dropInvalidIndex({ client, info }: Run, { concurrentIndex: index }: Statement): Promise<void> {
  if (!index || (await indexes(client, index, false)).length === 0) return;
  info(`dropping invalid index ${index.schema}.${index.name}`);
  await client.query(`DROP INDEX CONCURRENTLY ${quoted(index.schema)}.${quoted(index.name)}`);
}
