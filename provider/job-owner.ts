import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows } from "./catalog-query";

/** Texts about a job of a database, for the error of mustBelongToJob. */
export interface OwnerJob {
  /** What the job does: "maintains partitions". */
  does: string;
  /** Code of a table's owner that its statements run: "the triggers, defaults and expressions". */
  runs: string;
  /** Key of the stack file that names another role: "partitions.role". */
  key: string;
  /** What that role must be able to do beside logging in. */
  needs: (table: string, owner: string) => string;
}

export const TABLES_OF_OTHERS = catalogQuery("tables-of-others", {
  name: z.string(),
  owner: z.string(),
  job: z.string(),
});

/**
 * A job of the database's owner must not run code of other roles in its sessions. Throws for the first of the tables (schema.name,
 * quoted as in SQL) that belongs to another role; tables that do not exist are skipped.
 */
export async function mustBelongToJob(client: Client, tables: string[], job: OwnerJob): Promise<void> {
  const [other] = await readRows(client, TABLES_OF_OTHERS, tables);
  if (!other) return;
  const { name, owner } = other;
  throw new Error(
    `table ${name} belongs to ${owner}, but the job that ${job.does} runs as ${other.job}, the owner of the database, and would run ` +
      `${job.runs} of ${owner}; set ${job.key} to a role that may log in and ${job.needs(name, owner)}, such as ${owner}`,
  );
}
