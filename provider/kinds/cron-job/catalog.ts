import { z } from "zod";
import { Batch } from "../../batch";
import { catalogQuery } from "../../catalog-query";
import { isNoDatabase, sqlState, ask } from "../../session";
import { type CronRun, lastRuns } from "./runs";

export const CRON_JOBS = catalogQuery("cron-jobs", {
  jobid: z.string(),
  schedule: z.string(),
  command: z.string(),
  database: z.string(),
  username: z.string(),
  active: z.boolean(),
});

/** True if the database has no pg_cron: the extension was dropped, or is in another database. */
export function isNoCron(error: unknown): boolean {
  return isNoDatabase(error) || ["42P01", "3F000"].includes(sqlState(error));
}

/** Last runs by the database of pg_cron, batched: the log is read once for all jobs. */
export const runs = new Batch<Map<string, CronRun[]>>(
  async (host, databases) =>
    new Map(
      await Promise.all(
        databases.map(async (database) => [database, await ask(host, database, lastRuns, [])] as [string, CronRun[]]),
      ),
    ),
);
