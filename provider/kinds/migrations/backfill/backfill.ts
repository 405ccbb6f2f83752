import { setTimeout as sleep } from "node:timers/promises";
import type { Client, DatabaseError } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, rowsOf } from "../../../catalog-query";
import { formatCount } from "../../../format-count";
import { isLocked } from "../../../lock";
import { hashOf, type Statement } from "../files/file";
import { awaitProgress, readProgress, type Progress } from "../files/ledger";
import { blocksIn, Throttle, shareOf, type Part } from "./throttle";
import { batchStatement, positionIn, type Batch } from "../statements/batches";
import { beforeCommit, enterRole, LEAVE_ROLE, withLockRetry, type Run } from "../session";

// A statement that runs in batches, each a transaction of its own, so that others wait only briefly, and for rows of one batch only.
// The range of blocks is the same in all partitions. So the statement itself stays unchanged, with its triggers, policies and rows
// that move to another partition, and each block is read once.

/** Longest wait of a batch for a row. It is less than deadlock_timeout, so that a deadlock cancels the batch and never another session. */
const LOCK_TIMEOUT = "500ms";
/** Passes over the table. Each finds only rows that others wrote or moved during the pass before. */
const MOST_PASSES = 10;
const REPORT_EVERY_MS = 10_000;
const SERIALIZATION_FAILURE = "40001";

export const BACKFILL_PARTS = catalogQuery("backfill-parts", {
  name: z.string(),
  kind: z.string(),
  blocks: z.number(),
  density: z.number().nullable(),
});

const count = (rows: number) => `${formatCount(rows)} ${rows === 1 ? "row" : "rows"}`;

/** Runs a statement in batches until one snapshot of the whole table has no row to change. */
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
  private reported = Date.now();
  /** Rows that earlier runs changed. */
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
      migration.info(
        `${this.name} continues at block ${found.block}: ${count(found.rows)} of ${this.batch.on} are done`,
      );
    }
    await enterRole(migration, LOCK_TIMEOUT);
  }

  async run(): Promise<void> {
    for (;;) {
      await this.pass();
      if (Date.now() - this.started > REPORT_EVERY_MS)
        this.migration.info(`${this.name} checks whether rows of ${this.batch.on} were missed`);
      const missed = await this.findMissed();
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

  /** Completes one pass over the table, from the current block. */
  private async pass(): Promise<void> {
    const parts = await withLockRetry(this.migration, () => this.readParts());
    while (this.progress.block < blocksIn(parts)) {
      const rows = await withLockRetry(this.migration, () => this.runBatch(parts));
      if (Date.now() - this.reported >= REPORT_EVERY_MS) this.reportProgress(parts);
      if (rows > 0) await sleep(this.batch.pause);
    }
  }

  /** Runs the next batch and records it, so that a killed run continues after it. Returns the number of changed rows. */
  private async runBatch(parts: Part[]): Promise<number> {
    const from = this.progress.block;
    const to = this.throttle.end(parts, from);
    const began = Date.now();
    try {
      const { rows, again } = await this.change("BEGIN ISOLATION LEVEL READ COMMITTED", from, to);
      if (again > 0) throw this.endless(again, rows);
      const progress = { ...this.progress, block: to, rows: this.progress.rows + rows };
      // A batch without changes is not recorded, because its repetition is fast.
      await (rows > 0 ? this.commit(progress) : this.client.query("COMMIT"));
      this.progress = progress;
      this.throttle.recordBatch(to - from, rows, Date.now() - began);
      return rows;
    } catch (error) {
      await this.client.query("ROLLBACK").catch(() => undefined);
      if (isLocked(error)) this.throttle.recordLockWait();
      throw error;
    }
  }

  /** The role cannot write the ledger. So the superuser's session records the progress before the batch commits. */
  private async commit(progress: Progress): Promise<void> {
    const { admin, file } = this.migration;
    const xid = await beforeCommit(this.migration);
    await awaitProgress(admin, file, xid, [this.progress, progress]);
    await this.client.query("COMMIT");
  }

  /** Runs the statement on a range of blocks, in a transaction. */
  private async change(before: string, from: number, to: number): Promise<{ rows: number; again: number }> {
    const sql = batchStatement(this.batch, from, to);
    try {
      const [done] = await rowsOf(this.client, { rows: z.number(), again: z.number() }, `${before}; ${sql}`);
      return done ?? { rows: 0, again: 0 };
    } catch (error) {
      const { position } = error as DatabaseError;
      const mapped = position && positionIn(this.batch, sql, Number(position) - before.length - 2);
      throw Object.assign(error as DatabaseError, { position: mapped ? `${mapped}` : undefined });
    }
  }

  /**
   * Finds rows that were missed because others moved them to a completed block, or wrote them there later. One snapshot has all rows,
   * wherever they move. No row is changed. Returns the block to continue at; undefined if no row was missed.
   */
  private async findMissed(): Promise<number | undefined> {
    const throttle = new Throttle(this.batch.rows);
    await this.client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SAVEPOINT batch");
    let from = 0;
    try {
      const parts = await this.readParts(); // takes the snapshot, whose rows are all in these blocks
      for (let to; from < blocksIn(parts); from = to) {
        to = throttle.end(parts, from);
        const began = Date.now();
        // Releases the lock on the table, which would block ALTER TABLE of others.
        const { rows } = await this.change("ROLLBACK TO SAVEPOINT batch", from, to);
        if (rows > 0) return from;
        throttle.recordBatch(to - from, 0, Date.now() - began);
      }
      return undefined;
    } catch (error) {
      // Another session has locked or changed a row that meets the condition.
      if (isLocked(error) || (error as DatabaseError).code === SERIALIZATION_FAILURE) return from;
      throw error;
    } finally {
      await this.client.query("ROLLBACK").catch(() => undefined);
    }
  }

  private async readParts(): Promise<Part[]> {
    const { on, only } = this.batch;
    const parts = await readRows(this.client, BACKFILL_PARTS, on, only);
    const odd = parts.find(({ kind }) => kind !== "r");
    if (odd) throw new Error(`pgwright:batch works on tables and partitioned tables; ${odd.name} is neither`);
    return parts;
  }

  private reportProgress(parts: Part[]): void {
    const { block, rows, passes } = this.progress;
    const percent = Math.floor(shareOf(parts, block) * 100);
    const rate = (rows - this.before) / ((Date.now() - this.started) / 1000);
    const pass = passes > 0 ? ` of pass ${passes + 1}` : "";
    this.migration.info(
      `${this.name}: ${percent} %${pass} of ${this.batch.on}, ${count(rows)} changed, ${formatCount(rate)} rows/s`,
    );
    this.reported = Date.now();
  }

  private endless(again?: number, rows = 0): Error {
    const problem =
      again === undefined
        ? `after ${MOST_PASSES} passes there are still rows to change, because other sessions write such rows; set the value of new rows with a trigger or DEFAULT first`
        : `${formatCount(again)} of ${count(rows)} still meet the condition after the ${this.batch.verb}`;
    return new Error(
      `${problem}; a statement in batches has to make its condition false, such as SET new = ... WHERE new IS NULL AND old IS NOT NULL`,
    );
  }
}
