import { setTimeout as sleep } from "node:timers/promises";
import type { Client, DatabaseError } from "pg";
import { escapeIdentifier as quoted } from "pg";
import type { MigrationFile, Section } from "./file";

/** Tries for a lock, with growing pauses: about a minute and a half in all. */
const LOCK_TRIES = 10;
const RETRIED = ["55P03", "40P01"]; // lock_not_available, deadlock_detected

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

/** Whether it failed only since somebody else holds a lock. */
export const isLocked = (error: unknown) => RETRIED.includes((error as DatabaseError).code ?? "");

/** Acts again, after a pause, while somebody else holds a lock. */
export async function withLockRetry<T>({ file, info }: Run, act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (!isLocked(error) || tries === LOCK_TRIES) throw error;
      info(`${file.file} waits for a lock that somebody else holds (try ${tries} of ${LOCK_TRIES})`);
      await sleep(Math.min(10_000, 250 * 2 ** tries) * (0.5 + Math.random()));
    }
  }
}

/** From here on statements run as the migrations' role. */
export async function enterRole({ client, role }: Run, lockTimeout: string): Promise<void> {
  await client.query(
    `SET ROLE ${quoted(role)}; SET search_path = ''; SET lock_timeout = '${lockTimeout}';
     SET statement_timeout = 0; SET transaction_timeout = 0; SET idle_in_transaction_session_timeout = 0`,
  );
}

/** Ends what a file has set for the session: the next one begins as this one did. */
export const LEAVE_ROLE = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";
