/** Random choices that a seed repeats. */
export class Random {
  constructor(private state: number) {}

  /** From 0 up to, and without, 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 on. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  one<T>(items: T[]): T | undefined {
    return items[this.below(items.length)];
  }

  some<T>(items: T[]): T[] {
    return items.filter(() => this.next() < 0.5);
  }
}
