import { setTimeout as sleep } from "node:timers/promises";
import type { Client, DatabaseError } from "pg";
import { readSql } from "../../../sql/read";
import { isLocked } from "../../lock";
import { hashOf, type Statement } from "./file";
import { awaitProgress, readProgress, type Progress } from "./ledger";
import { blocksIn, Throttle, shareOf, type Part } from "./throttle";
import { batchStatement, placeIn, type Batch } from "./batches";
import { beforeCommit, enterRole, LEAVE_ROLE, withLockRetry, type Run } from "./session";

// A statement that is run in pieces, each a transaction of its own: others wait for rows of one piece only, and for a moment.
// The range of blocks is the same in all partitions: so the statement stays as it is written, with its triggers, policies and
// rows that move to another partition, and yet each block is read once.

/** How long a piece waits for a row, with those that it has locked itself: less than deadlock_timeout, so that it is never others who fail. */
const LOCK_TIMEOUT = "500ms";
/** Times to go through the table. Each finds only what others have written, or moved, meanwhile. */
const MOST_PASSES = 10;
const TELL_EVERY_MS = 10_000;
const SERIALIZATION_FAILURE = "40001";

const count = (rows: number) => `${rows.toLocaleString("en-US")} ${rows === 1 ? "row" : "rows"}`;

/** Runs a statement in pieces until a look at the whole table, as it is at one moment, finds nothing more to do. */
export async function backfill(run: Run, statement: Statement, batch: Batch, index: number): Promise<void> {
  const each = new Backfill(run, statement, batch, index);
  try {
    await each.begin();
    await each.run();
  } finally {
    await run.client.query("ROLLBACK").catch(() => undefined); // the connection may be gone
    await run.client.query(LEAVE_ROLE).catch(() => undefined);
  }
}

class Backfill {
  private readonly client: Client;
  private readonly throttle: Throttle;
  private progress: Progress;
  private readonly started = Date.now();
  private told = Date.now();
  /** Rows that runs before have changed. */
  private before = 0;

  constructor(
    private readonly migration: Run,
    private readonly statement: Statement,
    private readonly batch: Batch,
    index: number,
  ) {
    this.client = migration.client;
    this.throttle = new Throttle(batch.rows);
    this.progress = { hash: hashOf(statement.sql), statement: index, passes: 0, block: 0, rows: 0 };
  }

  private get name(): string {
    return `${this.migration.file.file} line ${this.statement.line}`;
  }

  async begin(): Promise<void> {
    const { migration, progress } = this;
    const found = await readProgress(migration.admin, migration.file.version);
    if (found && found.hash === progress.hash && found.statement === progress.statement) {
      this.progress = { ...found, passes: 0 };
      this.before = found.rows;
      migration.info(`${this.name} goes on at block ${found.block}: ${count(found.rows)} of ${this.batch.on} are done`);
    }
    await enterRole(migration, LOCK_TIMEOUT);
  }

  async run(): Promise<void> {
    for (;;) {
      await this.pass();
      if (Date.now() - this.started > TELL_EVERY_MS)
        this.migration.info(`${this.name} looks whether any row of ${this.batch.on} was missed`);
      const missed = await this.look();
      if (missed === undefined) break;
      this.progress = { ...this.progress, passes: this.progress.passes + 1, block: missed };
      if (this.progress.passes >= MOST_PASSES) throw this.endless();
    }
    const { rows, passes } = this.progress;
    const times = passes > 0 ? `${passes + 1} passes and ` : "";
    const seconds = ((Date.now() - this.started) / 1000).toFixed(1);
    this.migration.info(
      `${this.name} has changed ${count(rows)} of ${this.batch.on} in batches, in ${times}${seconds} s`,
    );
  }

  /** Goes through the table once, from where it is. */
  private async pass(): Promise<void> {
    const parts = await withLockRetry(this.migration, () => this.parts());
    while (this.progress.block < blocksIn(parts)) {
      const rows = await withLockRetry(this.migration, () => this.piece(parts));
      if (Date.now() - this.told >= TELL_EVERY_MS) this.tell(parts);
      if (rows > 0) await sleep(this.batch.pause);
    }
  }

  /** Does the next piece, and keeps that it is done. A run that is killed goes on behind it. */
  private async piece(parts: Part[]): Promise<number> {
    const from = this.progress.block;
    const to = this.throttle.end(parts, from);
    const began = Date.now();
    try {
      const { rows, again } = await this.change("BEGIN ISOLATION LEVEL READ COMMITTED", from, to);
      if (again > 0) throw this.endless(again, rows);
      const progress = { ...this.progress, block: to, rows: this.progress.rows + rows };
      // What has changed nothing is done again in no time.
      await (rows > 0 ? this.commit(progress) : this.client.query("COMMIT"));
      this.progress = progress;
      this.throttle.took(to - from, rows, Date.now() - began);
      return rows;
    } catch (error) {
      await this.client.query("ROLLBACK").catch(() => undefined);
      if (isLocked(error)) this.throttle.waited();
      throw error;
    }
  }

  /** The ledger is not the role's: it says beforehand how far the statement is once this piece has committed. */
  private async commit(progress: Progress): Promise<void> {
    const { admin, file } = this.migration;
    const xid = await beforeCommit(this.migration);
    await awaitProgress(admin, file, xid, [this.progress, progress]);
    await this.client.query("COMMIT");
  }

  /** Runs the statement over a range of blocks, in a transaction. */
  private async change(before: string, from: number, to: number): Promise<{ rows: number; again: number }> {
    const sql = batchStatement(this.batch, from, to);
    try {
      const results = (await this.client.query(`${before}; ${sql}`)) as unknown as { rows: never[] }[];
      return results.at(-1)?.rows[0] ?? { rows: 0, again: 0 };
    } catch (error) {
      const { position } = error as DatabaseError;
      const place = position && placeIn(this.batch, sql, Number(position) - before.length - 2);
      throw Object.assign(error as DatabaseError, { position: place ? `${place}` : undefined });
    }
  }

  /**
   * Looks whether any row was missed, since others moved it to a block that was done, or wrote it after that. One snapshot sees
   * all rows at one moment, wherever they move. Nothing is changed. Returns a block to go on from; undefined: all is done.
   */
  private async look(): Promise<number | undefined> {
    const throttle = new Throttle(this.batch.rows);
    await this.client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SAVEPOINT piece");
    let from = 0;
    try {
      const parts = await this.parts(); // takes the snapshot: what it sees is in these blocks
      for (let to; from < blocksIn(parts); from = to) {
        to = throttle.end(parts, from);
        const began = Date.now();
        // Gives the lock on the table back, which would hold up others who alter it.
        const { rows } = await this.change("ROLLBACK TO SAVEPOINT piece", from, to);
        if (rows > 0) return from;
        throttle.took(to - from, 0, Date.now() - began);
      }
      return undefined;
    } catch (error) {
      // A row to change that somebody else has locked, or changed since: there is one.
      if (isLocked(error) || (error as DatabaseError).code === SERIALIZATION_FAILURE) return from;
      throw error;
    } finally {
      await this.client.query("ROLLBACK").catch(() => undefined);
    }
  }

  private async parts(): Promise<Part[]> {
    const { on, only } = this.batch;
    const { rows } = await this.client.query<Part & { name: string; kind: string }>(
      readSql("catalog/backfill-parts.sql"),
      [on, only],
    );
    const odd = rows.find(({ kind }) => kind !== "r");
    if (odd) throw new Error(`pgwright:batch takes tables and partitioned tables; ${odd.name} is none`);
    return rows;
  }

  private tell(parts: Part[]): void {
    const { block, rows, passes } = this.progress;
    const percent = Math.floor(shareOf(parts, block) * 100);
    const rate = Math.round((rows - this.before) / ((Date.now() - this.started) / 1000));
    const pass = passes > 0 ? ` of pass ${passes + 1}` : "";
    this.migration.info(
      `${this.name}: ${percent} %${pass} of ${this.batch.on}, ${count(rows)} changed, ${rate.toLocaleString("en-US")} rows/s`,
    );
    this.told = Date.now();
  }

  private endless(again?: number, rows = 0): Error {
    const what =
      again === undefined
        ? `after ${MOST_PASSES} passes it still finds rows to change: others keep writing such rows; keep new ones right with a trigger or DEFAULT first`
        : `${again.toLocaleString("en-US")} of ${count(rows)} still meet the condition after the ${this.batch.verb}`;
    return new Error(
      `${what}. The condition of a statement in batches has to become false by it, such as SET new = ... WHERE new IS NULL AND old IS NOT NULL`,
    );
  }
}
