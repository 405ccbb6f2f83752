import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { saslprep } from "./saslprep";

/** Iterations of PBKDF2: PostgreSQL's own default (scram_iterations). */
const ITERATIONS = 4096;

/**
 * The SCRAM-SHA-256 verifier of a password as PostgreSQL stores it in pg_authid (RFC 5803, RFC 7677).
 * `salt`: 16 bytes.
 */
export function scramVerifier(password: string, salt: Buffer, iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(saslprep(password), salt, iterations, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${hmac("Server Key").toString("base64")}`;
}
