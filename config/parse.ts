import type { z } from "zod";
import { nearest } from "../tuning/nearest";
import type { Tuning } from "../tuning/tune";
import { describeShape, shapeAt, shapeOf } from "./allowed";
import { crossCheck } from "./rules";
import { path, StackError, type Problem } from "./problem";
import { S3_KEYS } from "./s3";
import { serverSettings } from "./server-settings";
import { passwordsSchema, secretsSchema, stackSchema, type Stack, type TunedStack } from "./stack";

export type Passphrase = keyof typeof secretsSchema.shape;
export const PASSPHRASES = Object.keys(secretsSchema.shape) as Passphrase[];

/** Characters of a value that an error shows at most. */
const SHOWN = 80;

function at(input: unknown, parts: PropertyKey[]): unknown {
  return parts.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], input);
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

function unknownKey(name: string, known: string[]): string {
  const [meant] = nearest(name, known);
  return `unknown key${meant ? `; did you mean ${meant}?` : ""}; allowed here: ${known.join(", ")}`;
}

// zod's messages use zod's terms, so errors describe the allowed values as the reference does. Messages of `refine` and those about
// names are written in config/ and kept.
function problems(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType, more: string[]): Problem[] {
  const shape = shapeAt(shapeOf(schema), issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = [...Object.keys(shape?.properties ?? {}), ...(issue.path.length === 0 ? more : [])];
    return issue.keys.map((name) => ({ key: path([...issue.path, name]), text: unknownKey(name, known) }));
  }
  const key = path(issue.path);
  if (issue.code === "invalid_key") {
    const name = show(issue.path.at(-1));
    return issue.issues.map(({ message }) => ({ key, text: `${name}: ${message}` }));
  }
  const value = at(input, issue.path);
  if (issue.code === "custom") return [{ key, text: `${show(value)}: ${issue.message}` }];
  if (value === undefined) return [{ key, text: `is missing; write ${describeShape(shape)}` }];
  if (value === null || value === "") {
    const nothing = shape?.type === "object" && !shape.required ? ", or {}" : "";
    return [{ key, text: `is empty; write ${describeShape(shape)}${nothing}` }];
  }
  return [{ key, text: `${show(value)} is not allowed; write ${describeShape(shape)}` }];
}

/** The settings of the server, or the problems with them. */
function tuneServer(stack: Stack): { tuning?: Tuning; problems: Problem[] } {
  try {
    return { tuning: serverSettings(stack), problems: [] };
  } catch (error) {
    return { problems: (error as Error).message.split("\n").map((text) => ({ key: "server", text })) };
  }
}

/** Parses the stack file and tunes its server. Throws a StackError that lists all problems. */
export function parseStack(input: unknown): TunedStack {
  const parsed = stackSchema.safeParse(input);
  if (!parsed.success) {
    throw new StackError(
      parsed.error.issues.flatMap((issue) =>
        problems(issue, input, stackSchema, ["passwords", ...PASSPHRASES, ...S3_KEYS]),
      ),
    );
  }
  const { tuning, problems: wrong } = tuneServer(parsed.data);
  const found = [...wrong, ...crossCheck({ ...parsed.data, tuning })];
  if (tuning === undefined || found.length > 0) throw new StackError(found);
  return { ...parsed.data, tuning };
}

/** Checks pgwright:passwords and returns its roles. Errors contain no password. */
export function parsePasswords(input: unknown, stack: Stack): string[] {
  const parsed = passwordsSchema.safeParse(input);
  if (!parsed.success) {
    throw new StackError(
      parsed.error.issues.map(({ path: parts }) => ({
        key: path(["passwords", ...parts]),
        text:
          parts.length === 0
            ? "write a map of passwords by role"
            : "write a string that is not empty and has no NUL character; in quotes if it looks like a number",
      })),
    );
  }
  const roles = Object.keys(parsed.data);
  const found = roles.flatMap((role): Problem[] => {
    const key = path(["passwords", role]);
    if (role === "postgres") return [];
    if (!stack.roles[role])
      return [{ key, text: "no such role in pgwright:roles; declare the role, or remove its password" }];
    const { login, password } = stack.roles[role];
    if (!login)
      return [{ key, text: "the role has login: false and so no password; set login: true, or remove the password" }];
    if (password === true) return [];
    return [{ key, text: `the role has password: ${password} in pgwright:roles; remove one of the two` }];
  });
  if (found.length > 0) throw new StackError(found);
  return roles;
}

/** Checks that each encrypted repository has its passphrase, and no other has one. Errors contain no passphrase. */
export function parsePassphrases(
  input: Record<string, unknown>,
  { backup, restoreFrom }: Stack,
): Partial<Record<Passphrase, string>> {
  const needed = {
    backupPassphrase: { by: "backup.encrypted", is: backup?.encrypted },
    restorePassphrase: { by: "restoreFrom.repository.encrypted", is: restoreFrom?.repository?.encrypted },
  };
  const found = Object.entries(needed).flatMap(([key, { by, is }]): Problem[] => {
    const value = input[key];
    if (!is) return value === undefined ? [] : [{ key, text: `is not used; set ${by}: true, or remove it` }];
    if (value === undefined) {
      const text =
        `is missing, and ${by} is true; set it with: pulumi config set --secret pgwright:${key} (and keep a copy outside of ` +
        "the stack: no restore is possible without it)";
      return [{ key, text }];
    }
    const parsed = secretsSchema.shape[key as Passphrase].safeParse(value);
    return parsed.success ? [] : [{ key, text: "write a string of at least 20 characters in one line" }];
  });
  if (found.length > 0) throw new StackError(found);
  return input as Partial<Record<Passphrase, string>>;
}
