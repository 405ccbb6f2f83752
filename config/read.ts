import * as pulumi from "@pulumi/pulumi";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { DATA_FOLDER, dataPath } from "./data-file";
import { parsePassphrases, parsePasswords, parseStack, PASSPHRASES, type Passphrase } from "./parse";
import { StackError } from "./problem";
import { S3_KEYS, type S3Keys, type S3Secret } from "./s3";
import { parseS3Keys } from "./s3-keys";
import type { Stack, TunedStack } from "./stack";

/** The key of the passwords, by role. They are secrets, so stackSchema does not contain them. */
const PASSWORDS = "passwords";
/** Keys whose value is a string, even if it looks like JSON. */
const TEXTS = ["engine", ...PASSPHRASES];

export interface StackConfig {
  stack: TunedStack;
  /** Declared passwords, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  /** Roles with a declared password. */
  passwordsGiven: string[];
  /** Passphrases of the encrypted repositories. */
  passphrases: Partial<Record<Passphrase, pulumi.Output<string>>>;
  /** Keys to the buckets of repositories. */
  s3Keys: Partial<Record<S3Secret, pulumi.Output<S3Keys>>>;
}

/** Reads and validates the configuration of the current stack. */
export function readStack(): StackConfig {
  const prefix = `${pulumi.getProject()}:`;
  const written: Record<string, unknown> = {};
  // Config would warn for each secret that is read in plain text, even for its keys alone; allConfig does not.
  for (const [key, text] of Object.entries(pulumi.runtime.allConfig())) {
    if (key.startsWith(prefix))
      written[key.slice(prefix.length)] = TEXTS.includes(key.slice(prefix.length)) ? text : fromText(text);
  }
  const separate: string[] = [PASSWORDS, ...PASSPHRASES, ...S3_KEYS];
  const only = (wanted: (key: string) => boolean) =>
    Object.fromEntries(Object.entries(written).filter(([key]) => wanted(key)));
  for (const key of separate) {
    if (!(key in written) || secretKeys().includes(`${prefix}${key}`)) continue;
    throw new StackError([{ key, text: `is in plain text; ${howToSet(key)}` }]);
  }
  const stack = parseStack(only((key) => !separate.includes(key)));
  checkFiles(stack);
  const { [PASSWORDS]: given = {} } = written;
  const among = (keys: string[]) => only((key) => keys.includes(key));
  return {
    stack,
    passwords: pulumi.secret(given as Record<string, string>),
    passwordsGiven: parsePasswords(given, stack),
    passphrases: asSecrets(parsePassphrases(among(PASSPHRASES), stack)),
    s3Keys: asSecrets(parseS3Keys(among(S3_KEYS), stack)),
  };
}

function howToSet(key: string): string {
  const set = "pulumi config set --secret";
  if (key === PASSWORDS) return `set each with: ${set} --path pgwright:passwords.ROLE`;
  const part = (S3_KEYS as string[]).includes(key);
  return part ? `set each with: ${set} --path pgwright:${key}.BUCKET.secret` : `set it with: ${set} pgwright:${key}`;
}

function asSecrets<Value>(values: Record<string, Value>): Record<string, pulumi.Output<Value>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, pulumi.secret(value)])) as Record<
    string,
    pulumi.Output<Value>
  >;
}

/** Keys with an encrypted value, as Pulumi passes them to the program. */
function secretKeys(): string[] {
  return JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]") as string[];
}

/** Parses a value of Pulumi's configuration: Pulumi passes a scalar as text, and a map or list as JSON. */
export function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function checkFiles({ databases, backup, restoreFrom }: Stack): void {
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
  const certificates = [
    ...(backup?.repositories ?? []).map(({ s3 }, i) => ({ s3, of: `backup.repositories[${i}]` })),
    { s3: restoreFrom?.repository?.s3, of: "restoreFrom.repository" },
  ].flatMap(({ s3, of }) =>
    s3?.certificate === undefined ? [] : [{ key: `${of}.s3.certificate`, path: s3.certificate, what: "file" }],
  );
  const missing = [...folders, ...masks, ...restored, ...certificates].flatMap(({ key, path, what }) => {
    const text = missingProblem(path, what);
    return text === undefined ? [] : [{ key, text }];
  });
  if (missing.length > 0) throw new StackError(missing);
  const others = certificates
    .filter(({ path }) => !isCertificate(path))
    .map(({ key, path }) => ({ key, text: `"${path}" is not a certificate; name a certificate file in PEM format` }));
  if (others.length > 0) throw new StackError(others);
}

/** Why a file or folder cannot be read; undefined if it can. */
function missingProblem(path: string, what: string): string | undefined {
  try {
    const isFolder = statSync(dataPath(path), { throwIfNoEntry: false })?.isDirectory();
    if (isFolder === (what === "folder")) return undefined;
    return `"${path}": no such ${what} in ${process.env[DATA_FOLDER] ?? process.cwd()}`;
  } catch (error) {
    return (error as Error).message;
  }
}

function isCertificate(file: string): boolean {
  try {
    return new X509Certificate(readFileSync(dataPath(file))).raw.length > 0;
  } catch {
    return false;
  }
}
