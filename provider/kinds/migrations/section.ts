import type { DatabaseError } from "pg";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT } from "../../lock";
import { located } from "../../sql-file";
import { backfill } from "./backfill";
import { dropInvalid, isDone } from "./concurrently";
import { hashOfDone, type Statement } from "./file";
import { applied, awaitCommit, begun, forgetUnbegun, settle, write, type Outcome } from "./ledger";
import { beforeCommit, enterRole, LEAVE_ROLE, withLockRetry, type Run } from "./session";

export async function runSection(run: Run): Promise<void> {
  const started = Date.now();
  if (run.section.transaction) await withLockRetry(run, () => whole(run));
  else await oneByOne(run);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  run.info(`${run.direction === "up" ? "applied" : "undid"} ${run.file.file} in ${seconds} s`);
}

async function whole(run: Run): Promise<void> {
  const { section, direction, file } = run;
  let statement = section.statements[0];
  try {
    await inTransaction(run, direction === "up" ? applied(file) : null, async () => {
      for (statement of section.statements) await run.client.query(statement.sql);
    });
  } catch (error) {
    throw statement ? located(file.file, statement, error as DatabaseError) : error;
  }
}

/** Runs statements in a transaction; what the ledger says of the file then is decided by its commit. */
async function inTransaction(run: Run, outcome: Outcome | undefined, act: () => Promise<void>): Promise<void> {
  const { client, admin, file } = run;
  let awaited = false;
  try {
    await client.query("BEGIN");
    await enterRole(run, LOCK_TIMEOUT);
    await act();
    const xid = await beforeCommit(run);
    if (outcome !== undefined) await awaitCommit(admin, file, xid, outcome);
    awaited = outcome !== undefined;
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined); // the connection may be gone
    // It may be lost just after the server has committed.
    if (!awaited || !(await settle(admin, file.version).catch(() => false))) throw error;
    return;
  }
  await client.query(LEAVE_ROLE);
  if (outcome !== undefined && !(await settle(admin, file.version))) throw new Error("the server has rolled it back");
}

async function oneByOne(run: Run): Promise<void> {
  const { admin, section, direction, file, from } = run;
  const up = direction === "up";
  if (up)
    await write(admin, file.version, { name: file.name, ...begun(from, hashOfDone(section, from)), batch: undefined });
  for (const [i, statement] of section.statements.entries()) {
    if (i < from) continue;
    const outcome = up ? begun(i + 1, hashOfDone(section, i + 1)) : undefined;
    try {
      if (statement.batch) await backfill(run, statement, statement.batch, i);
      else if (statement.atomic) {
        await withLockRetry(run, () =>
          inTransaction(run, outcome, async () => void (await run.client.query(statement.sql))),
        );
        continue;
      } else await withLockRetry(run, () => alone(run, statement, i === from && run.interrupted));
    } catch (error) {
      // Nothing done: as before. Something done: the next run goes on from here.
      const failed = (error as DatabaseError).code ?? statement.batch;
      await settle(admin, file.version).catch(() => undefined); // the connection may be gone
      if (up && i === 0 && failed) await forgetUnbegun(admin, file.version).catch(() => undefined);
      const done =
        i === 0
          ? []
          : [`statements 1 to ${i} of ${section.statements.length} are done; the next run goes on with this one`];
      throw located(file.file, statement, error as DatabaseError, up ? done : []);
    }
    if (outcome) await write(admin, file.version, outcome);
  }
  await write(admin, file.version, up ? applied(file) : null);
}

/** A statement that cannot be part of a transaction, such as CREATE INDEX CONCURRENTLY. */
async function alone(run: Run, statement: Statement, interrupted: boolean): Promise<void> {
  const { client, info } = run;
  try {
    await enterRole(run, statement.patient ? CONCURRENT_LOCK_TIMEOUT : LOCK_TIMEOUT);
    await dropInvalid(run, statement);
    const done = interrupted && (await isDone(run, statement));
    if (done) return info(`${done} before the last run was interrupted`);
    try {
      await client.query(statement.sql);
    } catch (error) {
      await dropInvalid(run, statement).catch(() => undefined); // the connection may be gone; the next run drops it
      throw error;
    }
  } finally {
    await client.query(LEAVE_ROLE).catch(() => undefined); // the connection may be gone
  }
}
