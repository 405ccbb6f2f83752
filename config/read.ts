import * as pulumi from "@pulumi/pulumi";
import { parseStack, StackError } from "./parse";
import { stackSchema, type Stack } from "./stack";

/** Passwords are secrets of the stack file beside the rest: pgwright:passwords, by role. */
const PASSWORDS = "passwords";

export interface StackConfig {
  stack: Stack;
  /** Passwords that the stack file gives, by role. */
  passwords: pulumi.Output<Record<string, string>>;
  /** Roles that a password is given for. */
  passwordsGiven: string[];
}

/** Reads and validates the configuration of the current stack. */
export function readStack(): StackConfig {
  const config = new pulumi.Config();
  const prefix = `${pulumi.getProject()}:`;
  const keys = Object.keys(pulumi.runtime.allConfig()).filter((key) => key.startsWith(prefix));
  const written: Record<string, unknown> = {};
  for (const key of keys.map((each) => each.slice(prefix.length))) {
    if (key !== PASSWORDS) written[key] = value(config, key);
  }
  const stack = parseStack(written);
  const passwords = config.getSecretObject<Record<string, string>>(PASSWORDS) ?? pulumi.secret<Record<string, string>>({});
  const passwordsGiven = Object.keys(config.getObject<Record<string, string>>(PASSWORDS) ?? {});
  const unknown = passwordsGiven.filter((role) => role !== "postgres" && !stack.roles[role]?.login);
  if (unknown.length > 0) {
    throw new StackError(unknown.map((role) => ({ key: `${PASSWORDS}.${role}`, text: "no role of this name with login: true in pgwright:roles" })));
  }
  return { stack, passwords, passwordsGiven };
}

// Pulumi hands simple values over as text, objects as JSON.
function value(config: pulumi.Config, key: string): unknown {
  const text = config.require(key);
  const simple = key in stackSchema.shape && ["engine"].includes(key);
  if (simple) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
