import type { Client } from "pg";
import { readSql } from "../../sql/read";

/** The last finished run of an active job of pg_cron. */
export interface CronRun {
  jobId: string;
  /** Of the job; null if it has none. */
  name: string | null;
  /** Where it runs. */
  database: string;
  failed: boolean;
  /** Such as "2026-01-02 03:04:05 UTC". */
  startedAt: string;
  /** PostgreSQL's message at its end, as one line. */
  message: string;
}

/** Reads the last finished run of each active job, in the database that holds pg_cron. */
export async function lastRuns(client: Client): Promise<CronRun[]> {
  return (await client.query<CronRun>(readSql("catalog/cron-last-runs.sql"))).rows;
}

export const describeFailure = ({ startedAt, message }: CronRun): string =>
  `the last run, ${startedAt}, failed: ${message}`;
