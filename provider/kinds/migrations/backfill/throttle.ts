// Pure: the size of the next batch of a backfill.

/** Target duration of a batch, which is the longest wait of others for a row of it. */
const AIM_MS = 500;
/** If the rates of two sizes differ by this factor, most of the duration does not depend on the size. */
const FIXED_COST_RATIO = 1.4;

/** A table without partitions, or one partition. */
export interface Part {
  blocks: number;
  /** Rows per block; null before the first VACUUM or ANALYZE. */
  density: number | null;
}

/** Rows per block of a narrow table, nearly the maximum. */
const UNKNOWN_DENSITY = 200;

/** Number of blocks of the largest partition: a range of blocks is the same in all partitions. */
export const blocksIn = (parts: Part[]) => Math.max(0, ...parts.map(({ blocks }) => blocks));

/** Completed share of all blocks, from 0 to 1. */
export function shareOf(parts: Part[], done: number): number {
  const all = parts.reduce((sum, { blocks }) => sum + blocks, 0);
  return all === 0 ? 1 : parts.reduce((sum, { blocks }) => sum + Math.min(blocks, done), 0) / all;
}

function rowsIn(parts: Part[], from: number, to: number): number {
  return parts.reduce(
    (sum, { blocks, density }) => sum + Math.max(0, Math.min(blocks, to) - from) * (density ?? UNKNOWN_DENSITY),
    0,
  );
}

/**
 * Adapts the size of batches: it begins with one block, and doubles while a batch is faster than the target. The limit on rows counts
 * all rows of the blocks, because rows without a change may be followed by many with one.
 */
export class Throttle {
  private blocks = 1;
  /** Smaller batches are not faster. */
  private least = 1;
  private last?: { blocks: number; rate: number };

  constructor(private readonly rows: number) {}

  /** The end (exclusive) of a batch that begins at block `from`. */
  end(parts: Part[], from: number): number {
    let blocks = this.blocks;
    while (blocks > 1 && rowsIn(parts, from, from + blocks) > this.rows) blocks = Math.ceil(blocks / 2);
    return Math.min(from + blocks, Math.max(blocksIn(parts), from + 1));
  }

  /** Records the duration of a batch, in milliseconds. */
  recordBatch(blocks: number, rows: number, ms: number): void {
    const [rate, last] = [blocks / Math.max(ms, 1), this.last];
    const slow = ms > AIM_MS;
    const helped = last !== undefined && blocks > last.blocks && rate > FIXED_COST_RATIO * last.rate;
    const hurt = last !== undefined && blocks < last.blocks && rate * FIXED_COST_RATIO < last.rate;
    if (slow && helped) this.least = blocks;
    if (slow && hurt && last) this.least = last.blocks;
    this.last = { blocks, rate };
    // Whether the duration of a slow first batch depends on its size shows with the next batch.
    const grows = !slow || helped || last === undefined;
    const wanted = blocks * (grows ? 2 : AIM_MS / ms) * Math.min(1, this.rows / Math.max(rows, 1));
    this.blocks = Math.max(this.least, 1, Math.floor(wanted));
  }

  /** Halves the size after a wait for a locked row: a smaller batch has fewer locked rows. */
  recordLockWait(): void {
    this.blocks = Math.max(1, this.blocks >> 1);
  }
}
