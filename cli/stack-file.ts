import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

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
  /** The stack file as its author wrote it. */
  private text = "";

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
    this.text = text;
    const salt = SALT.exec(this.read(this.copy))?.[0] ?? "";
    writeFileSync(this.copy, text === "" || text.endsWith("\n") ? text + salt : `${text}\n${salt}`, { mode: 0o600 });
    return this.copy;
  }

  /** Takes back what Pulumi has changed; where that is the salt and the layout only, the file stays as it was written. */
  finish(): void {
    if (this.isOwn) return;
    const copy = this.read(this.copy);
    const after = /^\s+secure:/m.test(copy) ? copy : copy.replace(SALT, "");
    if (!sameContent(after, this.text)) this.write(after);
    // Making a stack writes beside the program, whatever file Pulumi was told to use.
    else if (this.read(this.original) !== this.text) this.write(this.text);
  }

  private write(content: string): void {
    if (content.trim() === "") rmSync(this.original, { force: true });
    else writeFileSync(this.original, content);
  }
}

function sameContent(a: string, b: string): boolean {
  const content = (text: string) => JSON.stringify(parse(text) ?? {}).replace('{"config":{}}', "{}");
  return content(a) === content(b);
}
