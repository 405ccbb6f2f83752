import type { DatabaseError } from "pg";
import { CONCURRENT_LOCK_TIMEOUT, LOCK_TIMEOUT } from "../../../lock";
import { located } from "../../../sql-file";
import { backfill } from "../backfill/backfill";
import { dropInvalid, findCompleted } from "./concurrently";
import { blocksFrom, hashOfDone, type Statement } from "../files/file";
import { applied, awaitCommit, begun, forgetUnbegun, settle, write, type Outcome } from "../files/ledger";
import { unqualifiedHint } from "./search-path";
import { beforeCommit, enterRole, LEAVE_ROLE, withLockRetry, type Run } from "../session";

export async function runSection(run: Run): Promise<void> {
  const started = Date.now();
  const { blocks } = run.section;
  if (blocks.length === 1 && blocks[0]?.transaction) await runWhole(run);
  else await runInSteps(run);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  run.info(`${run.direction === "up" ? "applied" : "undid"} ${run.file.file} in ${seconds} s`);
}

async function runWhole(run: Run): Promise<void> {
  const { section, direction, file } = run;
  const at: Position = { statement: section.statements[0] };
  try {
    await runTogether(run, section.statements, direction === "up" ? applied(file) : null, at);
  } catch (error) {
    throw at.statement ? locateError(run, at.statement, error as DatabaseError) : error;
  }
}

/** The statement that runs now, for the error. */
interface Position {
  statement?: Statement;
}

/** Runs statements in one transaction, and retries after a lock timeout. */
function runTogether(run: Run, statements: Statement[], outcome: Outcome | undefined, at: Position): Promise<void> {
  return withLockRetry(run, () =>
    inTransaction(run, outcome, async () => {
      for (const statement of statements) {
        at.statement = statement;
        await run.client.query(statement.sql);
      }
    }),
  );
}

/** The error with file and line, and a hint about unqualified names. */
function locateError(
  { file, searchPath }: Run,
  statement: Statement,
  error: DatabaseError,
  more: string[] = [],
): Error {
  return located(file.file, statement, error, [...unqualifiedHint(error, searchPath), ...more]);
}

/** Runs `act` in a transaction. Its commit decides whether the ledger gets `outcome`. */
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
    // The connection may fail after the server has committed.
    if (!awaited || !(await settle(admin, file.version).catch(() => false))) throw error;
    return;
  }
  await client.query(LEAVE_ROLE);
  if (outcome !== undefined && !(await settle(admin, file.version)))
    throw new Error("the server rolled back the transaction");
}

/** A unit that is committed as a whole: a block with a transaction, or a statement of a block without. */
interface Unit {
  statement: Statement;
  /** Statements that follow in the same transaction. */
  more: Statement[];
  /** Has a transaction. */
  together: boolean;
  /** Index of the first statement in the section. */
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

async function runInSteps(run: Run): Promise<void> {
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
        await runTogether(run, [statement, ...more], outcome, at);
        continue;
      }
      if (statement.batch) await backfill(run, statement, statement.batch, first);
      else await withLockRetry(run, () => runAlone(run, statement, first === from && run.interrupted));
    } catch (error) {
      // Without a completed statement the row is removed, else the next run continues here.
      const known = (error as DatabaseError).code ?? statement.batch;
      await settle(admin, file.version).catch(() => undefined); // the connection may be gone
      if (up && first === 0 && known) await forgetUnbegun(admin, file.version).catch(() => undefined);
      const before = `statements 1 to ${first} of ${section.statements.length} are committed; the next run continues with statement ${first + 1}`;
      throw locateError(run, at.statement ?? statement, error as DatabaseError, up && first > 0 ? [before] : []);
    }
    if (outcome) await write(admin, file.version, outcome);
  }
  await write(admin, file.version, up ? applied(file) : null);
}

/** Runs a statement that cannot run inside a transaction, such as CREATE INDEX CONCURRENTLY. */
async function runAlone(run: Run, statement: Statement, interrupted: boolean): Promise<void> {
  const { client, info } = run;
  try {
    await enterRole(run, statement.patient ? CONCURRENT_LOCK_TIMEOUT : LOCK_TIMEOUT);
    await dropInvalid(run, statement);
    const done = interrupted && (await findCompleted(run, statement));
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
