import { randomBytes } from "node:crypto";
import type { Kind } from "../../kind";
import { UNKNOWN } from "../../unknown";
import { scramVerifier } from "../../scram";
import { declaration, type PasswordInputs, type PasswordState } from "./inputs";

/** A preview generates no password, since the update would generate another one. */
function generate(inputs: PasswordInputs, preview: boolean): PasswordState {
  if (preview) return { ...inputs, password: inputs.value ?? UNKNOWN, verifier: UNKNOWN };
  const password = inputs.value ?? randomBytes(24).toString("base64url");
  return { ...inputs, password, verifier: scramVerifier(password, randomBytes(16)) };
}

/** Earlier versions, without SASLprep, computed a wrong verifier for some passwords, with which no login works. */
function isVerifier({ password, verifier }: PasswordState): boolean {
  if (/^[\0-\x7f]*$/.test(password)) return true;
  const [, salt = ""] = /^SCRAM-SHA-256\$\d+:([^$]*)\$/.exec(verifier) ?? [];
  return scramVerifier(password, Buffer.from(salt, "base64")) === verifier;
}

/** A password and its verifier, kept in the state as secrets. */
export const password: Kind<PasswordInputs, PasswordState> = {
  declaration,
  create: async (inputs, { preview }) => ({ id: inputs.role, state: generate(inputs, preview) }),
  read: async (_id, state) => (isVerifier(state) ? state : { ...state, value: undefined }),
  update: async (_id, old, inputs, { preview }) =>
    old.value === inputs.value && old.rotation === inputs.rotation ? { ...old, ...inputs } : generate(inputs, preview),
  delete: async () => undefined,
};
