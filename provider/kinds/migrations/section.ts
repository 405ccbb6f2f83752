import type { DatabaseError } from "pg";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT } from "../../lock";
import { located } from "../../sql-file";
import { backfill } from "./backfill";
import { dropInvalid, isDone } from "./concurrently";
import { blocksFrom, hashOfDone, type Statement } from "./file";
import { applied, awaitCommit, begun, forgetUnbegun, settle, write, type Outcome } from "./ledger";
import { unqualifiedHint } from "./search-path";
import { beforeCommit, enterRole, LEAVE_ROLE, withLockRetry, type Run } from "./session";

export async function runSection(run: Run): Promise<void> {
  const started = Date.now();
  const { blocks } = run.section;
  if (blocks.length === 1 && blocks[0]?.transaction) await whole(run);
  else await inSteps(run);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  run.info(`${run.direction === "up" ? "applied" : "undid"} ${run.file.file} in ${seconds} s`);
}

async function whole(run: Run): Promise<void> {
  const { section, direction, file } = run;
  const at: Position = { statement: section.statements[0] };
  try {
    await together(run, section.statements, direction === "up" ? applied(file) : null, at);
  } catch (error) {
    throw at.statement ? failed(run, at.statement, error as DatabaseError) : error;
  }
}

/** The statement that is run. */
interface Position {
  statement?: Statement;
}

/** Runs statements in one transaction, again when they had to give way to another's lock. */
function together(run: Run, statements: Statement[], outcome: Outcome | undefined, at: Position): Promise<void> {
  return withLockRetry(run, () =>
    inTransaction(run, outcome, async () => {
      for (const statement of statements) {
        at.statement = statement;
        await run.client.query(statement.sql);
      }
    }),
  );
}

/** The error with where it is, and what to do about names that have no schema. */
function failed({ file, searchPath }: Run, statement: Statement, error: DatabaseError, more: string[] = []): Error {
  return located(file.file, statement, error, [...unqualifiedHint(error, searchPath), ...more]);
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

/** What is done or not done as a whole: a block with a transaction, or a statement of another. */
interface Unit {
  statement: Statement;
  /** Those that follow in the same transaction. */
  more: Statement[];
  /** Has a transaction. */
  together: boolean;
  /** Where in the section it begins. */
  first: number;
}

function unitsOf({ section, from }: Run): Unit[] {
  return blocksFrom(section, from).flatMap(({ statements, transaction, first }): Unit[] => {
    const [statement, ...more] = statements;
    if (transaction && statement) return [{ statement, more, together: true, first }];
    return statements.map((each, i) => ({
      statement: each,
      more: [],
      together: each.atomic && !each.batch,
      first: first + i,
    }));
  });
}

async function inSteps(run: Run): Promise<void> {
  const { admin, section, direction, file, from } = run;
  const up = direction === "up";
  if (up)
    await write(admin, file.version, { name: file.name, ...begun(from, hashOfDone(section, from)), batch: undefined });
  for (const { statement, more, together: hasTransaction, first } of unitsOf(run)) {
    const done = first + 1 + more.length;
    const outcome = up ? begun(done, hashOfDone(section, done)) : undefined;
    const at: Position = { statement };
    try {
      if (hasTransaction) {
        await together(run, [statement, ...more], outcome, at);
        continue;
      }
      if (statement.batch) await backfill(run, statement, statement.batch, first);
      else await withLockRetry(run, () => alone(run, statement, first === from && run.interrupted));
    } catch (error) {
      // Nothing done: as before. Something done: the next run goes on from here.
      const known = (error as DatabaseError).code ?? statement.batch;
      await settle(admin, file.version).catch(() => undefined); // the connection may be gone
      if (up && first === 0 && known) await forgetUnbegun(admin, file.version).catch(() => undefined);
      const before = `statements 1 to ${first} of ${section.statements.length} are done; the next run goes on behind them`;
      throw failed(run, at.statement ?? statement, error as DatabaseError, up && first > 0 ? [before] : []);
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
