import { randomBytes } from "node:crypto";
import { UNKNOWN, type Kind } from "../kind";
import { scramVerifier } from "../scram";

export interface PasswordInputs {
  /** Whose password it is. */
  role: string;
  /** The password, when the stack file gives one; otherwise one is made up. */
  value?: string;
  /** Another value than before makes up a new password. */
  rotation?: string;
}

export interface PasswordState extends PasswordInputs {
  password: string;
  /** What PostgreSQL stores of it (SCRAM-SHA-256), so that the password itself never travels in a statement. */
  verifier: string;
}

/** A preview makes none: the update would make another one. */
function make(inputs: PasswordInputs, preview: boolean): PasswordState {
  if (preview) return { ...inputs, password: inputs.value ?? UNKNOWN, verifier: UNKNOWN };
  const password = inputs.value ?? randomBytes(24).toString("base64url");
  return { ...inputs, password, verifier: scramVerifier(password, randomBytes(16)) };
}

/** Versions before SASLprep made another verifier of some passwords: nobody could log in. */
function isVerifier({ password, verifier }: PasswordState): boolean {
  if (/^[\0-\x7f]*$/.test(password)) return true;
  const [, salt = ""] = /^SCRAM-SHA-256\$\d+:([^$]*)\$/.exec(verifier) ?? [];
  return scramVerifier(password, Buffer.from(salt, "base64")) === verifier;
}

/** A password and its verifier, kept in the state as secrets. */
export const password: Kind<PasswordInputs, PasswordState> = {
  create: async (inputs, { preview }) => ({ id: inputs.role, state: make(inputs, preview) }),
  read: async (_id, state) => (isVerifier(state) ? state : { ...state, value: undefined }),
  update: async (_id, old, inputs, { preview }) =>
    old.value === inputs.value && old.rotation === inputs.rotation ? { ...old, ...inputs } : make(inputs, preview),
  delete: async () => undefined,
};
