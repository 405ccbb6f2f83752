import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { tryForLock } from "../../lock";
import type { MigrationFile, Section } from "./file";

/** One section of a file on its way. */
export interface Run {
  client: Client;
  file: MigrationFile;
  section: Section;
  direction: "up" | "down";
  /** Statements that an interrupted run has done already (only without a transaction). */
  from: number;
  /** Runs as this role. */
  role: string;
  info: (text: string) => void;
}

/** Acts again, after a pause, while somebody else holds a lock. */
export const withLockRetry = <T>({ file, info }: Run, act: () => Promise<T>): Promise<T> =>
  tryForLock(file.file, info, act);

/** From here on statements run as the migrations' role. */
export async function enterRole({ client, role }: Run, lockTimeout: string): Promise<void> {
  await client.query(
    `SET ROLE ${quoted(role)}; SET search_path = ''; SET lock_timeout = '${lockTimeout}';
     SET statement_timeout = 0; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0`,
  );
}

/** Ends what a file has set for the session: the next one begins as this one did. */
export const LEAVE_ROLE = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";
