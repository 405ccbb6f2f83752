import type { Host } from "./host";

/**
 * Batches lookups: keys that are requested while a query runs go into the next query together. So hundreds of resources cost a
 * few queries, and no answer is older than its request.
 */
export class Batch<T> {
  private readonly next = new WeakMap<Host, { keys: Set<string>; answers: Promise<T> }>();
  private readonly last = new WeakMap<Host, Promise<unknown>>();

  constructor(private readonly load: (host: Host, keys: string[]) => Promise<T>) {}

  /** The answers of a query whose keys include `key`. */
  ask(host: Host, key: string): Promise<T> {
    const waiting = this.next.get(host);
    if (waiting) {
      waiting.keys.add(key);
      return waiting.answers;
    }
    const keys = new Set([key]);
    const before = (this.last.get(host) ?? Promise.resolve()).catch(() => undefined);
    const answers = before.then(() => {
      this.next.delete(host);
      return this.load(host, [...keys]);
    });
    this.next.set(host, { keys, answers });
    this.last.set(host, answers);
    return answers;
  }
}
