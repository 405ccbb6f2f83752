import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../catalog-query";

/** The last finished run of an active job of pg_cron. */
export type CronRun = RowOf<typeof CRON_LAST_RUNS>;
export const CRON_LAST_RUNS = catalogQuery("cron-last-runs", {
  jobId: z.string(),
  /** Of the job; null if it has none. */
  name: z.string().nullable(),
  /** Where it runs. */
  database: z.string(),
  failed: z.boolean(),
  /** Such as "2026-01-02 03:04:05 UTC"; null if it failed before it started. */
  startedAt: z.string().nullable(),
  /** PostgreSQL's message at its end, as one line. */
  message: z.string(),
});

/** Reads the last finished run of each active job, in the database that holds pg_cron. */
export const lastRuns = (client: Client): Promise<CronRun[]> => readRows(client, CRON_LAST_RUNS);

export const describeFailure = ({ startedAt, message }: CronRun): string =>
  `the last run${startedAt === null ? "" : `, ${startedAt},`} failed: ${message}`;
