import * as pulumi from "@pulumi/pulumi";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseBackupPassphrase, parsePasswords, parseStack, StackError } from "./parse";
import type { Stack } from "./stack";

/** Passwords are secrets of the stack file beside the rest: pgwright:passwords, by role. */
const PASSWORDS = "passwords";
/** Encrypts the backups: a secret too. */
const BACKUP_PASSPHRASE = "backupPassphrase";
/** Keys whose value is a text, whatever it looks like. */
const TEXTS = ["engine", BACKUP_PASSPHRASE];

export interface StackConfig {
  stack: Stack;
  /** Passwords that the stack file gives, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  /** Roles that a password is given for. */
  passwordsGiven: string[];
  /** Encrypts the backups, where the stack file says so. */
  backupPassphrase?: pulumi.Output<string>;
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
  const { [PASSWORDS]: given = {}, [BACKUP_PASSPHRASE]: passphrase, ...rest } = written;
  for (const [key, command] of [
    [PASSWORDS, "set each by: pulumi config set --secret --path pgwright:passwords.ROLE"],
    [BACKUP_PASSPHRASE, "set it by: pulumi config set --secret pgwright:backupPassphrase"],
  ] as const) {
    if (key in written && !secretKeys().includes(`${prefix}${key}`))
      throw new StackError([{ key, text: `stands there for everybody to read; ${command}` }]);
  }
  const stack = parseStack(rest);
  checkFolders(stack);
  const passwordsGiven = parsePasswords(given, stack);
  const backupPassphrase = parseBackupPassphrase(passphrase, stack);
  return {
    stack,
    passwords: pulumi.secret(given as Record<string, string>),
    passwordsGiven,
    backupPassphrase: backupPassphrase === undefined ? undefined : pulumi.secret(backupPassphrase),
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

function checkFolders(stack: Stack): void {
  const missing = Object.entries(stack.databases).flatMap(([name, { migrations }]) =>
    migrations && !existsSync(resolve(migrations.folder))
      ? [
          {
            key: `databases.${name}.migrations.folder`,
            text: `"${migrations.folder}": there is no such folder in ${process.cwd()}`,
          },
        ]
      : [],
  );
  if (missing.length > 0) throw new StackError(missing);
}
