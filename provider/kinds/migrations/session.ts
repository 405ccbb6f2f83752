import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { tryForLock } from "../../lock";
import type { MigrationFile, Section } from "./file";

/** One section of a file on its way. */
export interface Run {
  /** The session that the file runs in: it may do no more than the role. */
  client: Client;
  /** The superuser's session, which keeps the ledger; nothing of a file runs in it. */
  admin: Client;
  file: MigrationFile;
  section: Section;
  direction: "up" | "down";
  /** Statements that an interrupted run has done already (only without a transaction). */
  from: number;
  /** A run before has begun with the file and was interrupted. */
  interrupted: boolean;
  /** Runs as this role. */
  role: string;
  /** Schemas that unqualified names are looked up in. */
  searchPath: string[];
  info: (text: string) => void;
}

/** Acts again, after a pause, while somebody else holds a lock. */
export const withLockRetry = <T>({ file, info }: Run, act: () => Promise<T>): Promise<T> =>
  tryForLock(file.file, info, act);

/** From here on statements run as the migrations' role. */
export async function enterRole({ client, role, searchPath }: Run, lockTimeout: string): Promise<void> {
  const path = searchPath.length > 0 ? searchPath.map(quoted).join(", ") : "''";
  await client.query(
    `SET ROLE ${quoted(role)}; SET search_path = ${path}; SET lock_timeout = '${lockTimeout}';
     SET statement_timeout = 0; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0`,
  );
}

/** Ends what a file has set for the session: the next one begins as this one did. */
export const LEAVE_ROLE = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";

/** What is deferred to the end of a transaction runs now, where the statement is known. Then the transaction has this number. */
export async function beforeCommit({ client, role }: Run): Promise<string> {
  await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  const { rows } = await client.query<{ xid: string; role: string }>(
    "SELECT pg_catalog.pg_current_xact_id()::text AS xid, current_user::text AS role",
  );
  const [{ xid, role: now } = { xid: "", role: "" }] = rows;
  if (now !== role)
    throw new Error(
      `it leaves the role ${role}, by a RESET ROLE or SET ROLE in its code; migrations.role says what it runs as`,
    );
  return xid;
}
