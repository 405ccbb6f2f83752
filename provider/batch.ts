import type { Host } from "./host";

/**
 * Looks many things up at once: what is asked for while an answer is under way waits, and goes into the next question
 * together. So hundreds of resources cost a few queries, and no answer is older than its question.
 */
export class Batch<T> {
  private readonly next = new WeakMap<Host, { keys: Set<string>; answers: Promise<T> }>();
  private readonly last = new WeakMap<Host, Promise<unknown>>();

  constructor(private readonly load: (host: Host, keys: string[]) => Promise<T>) {}

  /** The answers to a question that `key` is part of. */
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
