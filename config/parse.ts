import type { z } from "zod";
import { nearest } from "../tuning/nearest";
import { describeShape, shapeAt, shapeOf } from "./allowed";
import { crossCheck } from "./cross-check";
import { path, StackError, type Problem } from "./problem";
import { S3_KEYS } from "./s3";
import { passwordsSchema, secretsSchema, stackSchema, type Stack } from "./stack";

export type Passphrase = keyof typeof secretsSchema.shape;
export const PASSPHRASES = Object.keys(secretsSchema.shape) as Passphrase[];

/** Longest value that an error shows whole. */
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

// What zod says is for those who know zod; what is allowed is said in the words of the reference instead. The texts of
// `refine` are our own, as are those about names.
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

/** Parses what the stack file says; a StackError lists everything that is wrong at once. */
export function parseStack(input: unknown): Stack {
  const parsed = stackSchema.safeParse(input);
  if (!parsed.success) {
    throw new StackError(
      parsed.error.issues.flatMap((issue) =>
        problems(issue, input, stackSchema, ["passwords", ...PASSPHRASES, ...S3_KEYS]),
      ),
    );
  }
  const contradictions = crossCheck(parsed.data);
  if (contradictions.length > 0) throw new StackError(contradictions);
  return parsed.data;
}

/** Checks pgwright:passwords and returns the roles that it has one for. Errors do not show what it holds. */
export function parsePasswords(input: unknown, stack: Stack): string[] {
  const parsed = passwordsSchema.safeParse(input);
  if (!parsed.success) {
    throw new StackError(
      parsed.error.issues.map(({ path: parts }) => ({
        key: path(["passwords", ...parts]),
        text:
          parts.length === 0
            ? "write a map of passwords by role"
            : "write a text that is not empty and has no NUL character; in quotes if it looks like a number",
      })),
    );
  }
  const roles = Object.keys(parsed.data);
  const found = roles.flatMap((role): Problem[] => {
    const key = path(["passwords", role]);
    if (role === "postgres") return [];
    if (!stack.roles[role]) return [{ key, text: "there is no role of this name in pgwright:roles" }];
    const { login, password } = stack.roles[role];
    if (!login) return [{ key, text: "the role has login: false, so it can have no password; give it login: true" }];
    if (password === true) return [];
    return [{ key, text: `the role has password: ${password}; take one or the other out` }];
  });
  if (found.length > 0) throw new StackError(found);
  return roles;
}

/** Checks the passphrases against what the stack file says is encrypted. Errors do not show them. */
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
    if (!is) return value === undefined ? [] : [{ key, text: `is for nothing: set ${by}: true, or take it out` }];
    if (value === undefined) {
      const text =
        `is missing, and ${by} is true; set it by: pulumi config set --secret pgwright:${key} (and keep it where the ` +
        "stack is not: without it there is no restore)";
      return [{ key, text }];
    }
    const parsed = secretsSchema.shape[key as Passphrase].safeParse(value);
    return parsed.success ? [] : [{ key, text: "write a text of at least 20 characters in one line" }];
  });
  if (found.length > 0) throw new StackError(found);
  return input as Partial<Record<Passphrase, string>>;
}
