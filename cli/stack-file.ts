import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SALT = /^encryptionsalt:.*\n?/m;

/**
 * Pulumi writes a salt into the stack file that belongs to the passphrase of the local state, and so to this checkout
 * alone: committed, it would lock everybody else out. So Pulumi works on a copy beside the state, which gets the salt;
 * what else Pulumi changes (config set) goes back into the stack file. A stack file that has a salt, or secrets, is the
 * user's own arrangement and is used as it is.
 */
export class StackFile {
  private readonly copy: string;
  private readonly original: string;

  constructor(stack: string, root: string, local: string) {
    this.original = join(root, `Pulumi.${stack}.yaml`);
    this.copy = join(local, `Pulumi.${stack}.yaml`);
  }

  private read(file: string): string {
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Prepares the copy; returns the file that Pulumi should use. */
  prepare(): string {
    const text = this.read(this.original);
    if (SALT.test(text)) return this.original;
    const salt = SALT.exec(this.read(this.copy))?.[0] ?? "";
    writeFileSync(this.copy, text === "" || text.endsWith("\n") ? text + salt : `${text}\n${salt}`, { mode: 0o600 });
    return this.copy;
  }

  /** Takes back what Pulumi has changed. */
  finish(): void {
    const before = this.read(this.original);
    if (SALT.test(before)) return;
    const after = this.read(this.copy);
    const content = /^\s+secure:/m.test(after) ? after : after.replace(SALT, "");
    if (content.trim() !== before.trim() && content.trim() !== "config: {}") writeFileSync(this.original, content);
  }
}
