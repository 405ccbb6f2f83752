// Pure: how much of a table the next piece of a backfill has.

/** How long a piece should take: so long others wait for a row of it, and no longer. */
const AIM_MS = 500;
/** A piece so much faster a block than one of another size shows that most of the time is spent whatever the size. */
const TELLS = 1.4;

/** A table that holds the rows: one alone, or one of the partitions. */
export interface Part {
  blocks: number;
  /** Rows a block; null where nobody has counted. */
  density: number | null;
}

/** The most that a block can hold, nearly: rows of two columns. */
const UNKNOWN_DENSITY = 200;

/** A range of blocks is the same in all partitions. */
export const blocksIn = (parts: Part[]) => Math.max(0, ...parts.map(({ blocks }) => blocks));

/** Part of all blocks that is done, from 0 to 1. */
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
 * Finds the size as it goes: it begins with one block, and doubles as long as a piece takes less than it should. The rows of a
 * piece are limited as if all of them were changed, since those that have nothing to do may be followed by many that have.
 */
export class Throttle {
  private blocks = 1;
  /** Smaller ones take as long. */
  private least = 1;
  private last?: { blocks: number; rate: number };

  constructor(private readonly rows: number) {}

  /** Where a piece that begins at a block ends. */
  end(parts: Part[], from: number): number {
    let blocks = this.blocks;
    while (blocks > 1 && rowsIn(parts, from, from + blocks) > this.rows) blocks = Math.ceil(blocks / 2);
    return Math.min(from + blocks, Math.max(blocksIn(parts), from + 1));
  }

  /** A piece has taken so long. */
  took(blocks: number, rows: number, ms: number): void {
    const [rate, last] = [blocks / Math.max(ms, 1), this.last];
    const slow = ms > AIM_MS;
    const helped = last !== undefined && blocks > last.blocks && rate > TELLS * last.rate;
    const hurt = last !== undefined && blocks < last.blocks && rate * TELLS < last.rate;
    if (slow && helped) this.least = blocks;
    if (slow && hurt && last) this.least = last.blocks;
    this.last = { blocks, rate };
    // One that is slow from the beginning may be so whatever its size: that shows with the next.
    const grows = !slow || helped || last === undefined;
    const wanted = blocks * (grows ? 2 : AIM_MS / ms) * Math.min(1, this.rows / Math.max(rows, 1));
    this.blocks = Math.max(this.least, 1, Math.floor(wanted));
  }

  /** A row of it was locked by somebody else: in a smaller one there are fewer. */
  waited(): void {
    this.blocks = Math.max(1, this.blocks >> 1);
  }
}
