import * as pulumi from "@pulumi/pulumi";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parsePassphrases, parsePasswords, parseStack, PASSPHRASES, StackError, type Passphrase } from "./parse";
import type { Stack } from "./stack";

/** Passwords are secrets of the stack file beside the rest: pgwright:passwords, by role. */
const PASSWORDS = "passwords";
/** Keys whose value is a text, whatever it looks like. */
const TEXTS = ["engine", ...PASSPHRASES];

export interface StackConfig {
  stack: Stack;
  /** Passwords that the stack file gives, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  /** Roles that a password is given for. */
  passwordsGiven: string[];
  /** Where the stack file says that something is encrypted. */
  passphrases: Partial<Record<Passphrase, pulumi.Output<string>>>;
}

/** Reads and validates the configuration of the current stack. */
export function readStack(): StackConfig {
  const prefix = `${pulumi.getProject()}:`;
  const written: Record<string, unknown> = {};
  // allConfig, as Config warns when somebody only wants to know which keys a secret has.
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(prefix))
      written[key.slice(prefix.length)] = TEXTS.includes(key.slice(prefix.length)) ? text : fromText(text);
  }
  const { [PASSWORDS]: given = {}, ...others } = written;
  const secrets: Record<string, unknown> = {};
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(others))
    ((PASSPHRASES as string[]).includes(key) ? secrets : rest)[key] = value;
  for (const key of [PASSWORDS, ...PASSPHRASES]) {
    if (!(key in written) || secretKeys().includes(`${prefix}${key}`)) continue;
    const command =
      key === PASSWORDS
        ? "set each by: pulumi config set --secret --path pgwright:passwords.ROLE"
        : `set it by: pulumi config set --secret pgwright:${key}`;
    throw new StackError([{ key, text: `stands there for everybody to read; ${command}` }]);
  }
  const stack = parseStack(rest);
  checkFiles(stack);
  const passwordsGiven = parsePasswords(given, stack);
  const passphrases = Object.entries(parsePassphrases(secrets, stack)).map(([key, text]) => [key, pulumi.secret(text)]);
  return {
    stack,
    passwords: pulumi.secret(given as Record<string, string>),
    passwordsGiven,
    passphrases: Object.fromEntries(passphrases) as StackConfig["passphrases"],
  };
}

/** Keys that hold something encrypted, as Pulumi tells the program. */
function secretKeys(): string[] {
  return JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]") as string[];
}

/** Pulumi hands over a simple value as text, a map or list as JSON. */
export function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function checkFiles({ databases, restoreFrom }: Stack): void {
  const folders = Object.entries(databases).flatMap(([name, { migrations }]) =>
    migrations ? [{ key: `databases.${name}.migrations.folder`, path: migrations.folder, what: "folder" }] : [],
  );
  const masks = Object.entries(databases).flatMap(([name, { copyOf }]) =>
    (copyOf?.run ?? []).map((path, i) => ({ key: `databases.${name}.copyOf.run[${i}]`, path, what: "file" })),
  );
  const restored = (restoreFrom?.run ?? []).map(({ file: path }, i) => ({
    key: `restoreFrom.run[${i}].file`,
    path,
    what: "file",
  }));
  const missing = [...folders, ...masks, ...restored]
    .filter(
      ({ path, what }) => statSync(resolve(path), { throwIfNoEntry: false })?.isDirectory() !== (what === "folder"),
    )
    .map(({ key, path, what }) => ({ key, text: `"${path}": there is no such ${what} in ${process.cwd()}` }));
  if (missing.length > 0) throw new StackError(missing);
}
