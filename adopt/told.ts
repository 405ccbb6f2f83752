/** Something that the stack file does not declare, or that `up` changes. */
export interface Told {
  /** The key of the stack file where it is told, such as ["roles", "app"]; the server's as a whole if empty. */
  at: string[];
  text: string;
}

/** What an adoption has to tell, in two lists. */
export class Report {
  /** What `up` changes beside the copy: statements, as it runs them. */
  readonly changes: Told[] = [];
  /** What is there and not declared, each with what becomes of it. */
  readonly left: Told[] = [];

  change(at: string[], text: string): void {
    this.changes.push({ at, text });
  }

  leave(at: string[], text: string): void {
    this.left.push({ at, text });
  }
}
