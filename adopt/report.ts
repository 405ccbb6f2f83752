/** A statement that `up` runs, or a note on an object that the stack file does not declare. */
export interface ReportEntry {
  /** Path of the key in the stack file that the entry belongs to, such as ["roles", "app"]; empty: the whole server. */
  at: string[];
  text: string;
}

/** The findings of an adoption, in two lists. */
export class Report {
  /** Statements that `up` runs in addition to the copy. */
  readonly changes: ReportEntry[] = [];
  /** Undeclared objects with what happens to each, and other notes for the operator. */
  readonly notes: ReportEntry[] = [];

  addChange(at: string[], text: string): void {
    this.changes.push({ at, text });
  }

  addNote(at: string[], text: string): void {
    this.notes.push({ at, text });
  }
}
