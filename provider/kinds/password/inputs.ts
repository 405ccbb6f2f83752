import { declare } from "../../declaration";

export interface PasswordInputs {
  /** Role of the password. */
  role: string;
  /** The password, if the stack file declares one; a random one if absent. */
  value?: string;
  /** A changed value generates a new password. */
  rotation?: string;
}

export interface PasswordState extends PasswordInputs {
  password: string;
  /** What PostgreSQL stores (SCRAM-SHA-256), so that no statement contains the password. */
  verifier: string;
}

export const declaration = declare<PasswordInputs, PasswordState>()({
  type: "Password",
  outputs: ["password", "verifier"],
  secrets: ["password", "verifier"],
});
