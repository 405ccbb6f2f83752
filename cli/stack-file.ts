import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const SALT = /^encryptionsalt:.*\n?/m;

/**
 * Pulumi writes a salt into the stack file. With a local state, the salt belongs to the passphrase of this checkout: if it were
 * committed, other checkouts could not use the stack file. Therefore Pulumi works on a copy beside the state. Other changes of
 * Pulumi (config set) are copied back into the stack file. A stack file that has a salt already is used directly.
 */
export class StackFile {
  private readonly copy: string;
  private readonly original: string;
  /** The stack file has a salt of its own, so that no copy is used. */
  private hasSalt = false;
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
    this.hasSalt = SALT.test(text);
    if (this.hasSalt) return this.original;
    this.text = text;
    const salt = SALT.exec(this.read(this.copy))?.[0] ?? "";
    writeFileSync(this.copy, text === "" || text.endsWith("\n") ? text + salt : `${text}\n${salt}`, { mode: 0o600 });
    return this.copy;
  }

  /** Copies Pulumi's changes into the stack file. If only the salt and the layout differ, the stack file stays unchanged. */
  finish(): void {
    if (this.hasSalt) return;
    const copy = this.read(this.copy);
    const after = /^\s+secure:/m.test(copy) ? copy : copy.replace(SALT, "");
    if (!sameContent(after, this.text)) this.write(after);
    // `stack init` writes the stack file beside Pulumi.yaml, even if another one is configured.
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
