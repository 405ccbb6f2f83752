import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  /** The stack file has a salt of its own. */
  private isOwn = false;

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
    this.isOwn = SALT.test(text);
    if (this.isOwn) return this.original;
    const salt = SALT.exec(this.read(this.copy))?.[0] ?? "";
    writeFileSync(this.copy, text === "" || text.endsWith("\n") ? text + salt : `${text}\n${salt}`, { mode: 0o600 });
    return this.copy;
  }

  /** Takes back what Pulumi has changed. */
  finish(): void {
    if (this.isOwn) return;
    // Making a stack writes a salt beside the program, whatever file Pulumi was told to use.
    const before = this.read(this.original);
    if (SALT.test(before)) this.write(before.replace(SALT, ""));
    const after = this.read(this.copy);
    const content = /^\s+secure:/m.test(after) ? after : after.replace(SALT, "");
    if (content.trim() !== before.replace(SALT, "").trim() && content.trim() !== "config: {}") this.write(content);
  }

  private write(content: string): void {
    if (content.trim() === "") rmSync(this.original, { force: true });
    else writeFileSync(this.original, content);
  }
}
