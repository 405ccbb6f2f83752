import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { rowsOf } from "../../catalog-query";
import { tryForLock } from "../../lock";
import type { MigrationFile, Section } from "./files/file";

/** The run of one section of a file. */
export interface Run {
  /** The session of the file, with the privileges of the role only. */
  client: Client;
  /** The superuser's session, which writes the ledger; no statement of a file runs in it. */
  admin: Client;
  file: MigrationFile;
  section: Section;
  direction: "up" | "down";
  /** Number of statements that an interrupted run completed; 0 in a file with one transaction. */
  from: number;
  /** An earlier run of the file was interrupted. */
  interrupted: boolean;
  /** The role that runs the file. */
  role: string;
  /** search_path of the file. */
  searchPath: string[];
  info: (text: string) => void;
}

/** Retries `act`, after a pause, while another session holds a lock. */
export const withLockRetry = <T>({ file, info }: Run, act: () => Promise<T>): Promise<T> =>
  tryForLock(file.file, info, act);

/** Sets the role and the parameters of the session for the statements of a file. */
export async function enterRole({ client, role, searchPath }: Run, lockTimeout: string): Promise<void> {
  const path = searchPath.length > 0 ? searchPath.map(quoted).join(", ") : "''";
  await client.query(
    `SET ROLE ${quoted(role)}; SET search_path = ${path}; SET lock_timeout = '${lockTimeout}';
     SET statement_timeout = 0; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0`,
  );
}

/** Resets the session, so that the next file begins with the same parameters. */
export const LEAVE_ROLE = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";

/** Runs deferred constraints now, while the statement is known, and returns the id of the transaction. */
export async function beforeCommit({ client, role }: Run): Promise<string> {
  await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  const rows = await rowsOf(
    client,
    { xid: z.string(), role: z.string() },
    "SELECT pg_catalog.pg_current_xact_id()::text AS xid, current_user::text AS role",
  );
  const [{ xid, role: now } = { xid: "", role: "" }] = rows;
  if (now !== role)
    throw new Error(
      `RESET ROLE or SET ROLE in its code leaves the role ${role}; to run the files as another role, set migrations.role`,
    );
  return xid;
}
