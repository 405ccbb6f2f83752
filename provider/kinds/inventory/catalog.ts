import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery } from "../../catalog-query";
import type { Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { withDatabase, isNoDatabase } from "../../session";

export const DATABASE_CONTENTS = catalogQuery("database-contents", {
  tables: z.number(),
  size: z.string(),
  sessions: z.number(),
});

export const TIERED_TABLE_CONTENTS = catalogQuery("tiered-table-contents", { row_count: z.string(), size: z.string() });

export const EXTENSION_DEPENDENTS = catalogQuery("extension-dependents", {
  extension: z.string(),
  dependents: z.array(z.string()),
});

export async function inDatabase<T>({ host }: Operation, database: string, use: (client: Client) => Promise<T>) {
  try {
    return (await whyDown(host)) ? undefined : await withDatabase(host, database, use);
  } catch (error) {
    if (isNoDatabase(error)) return undefined;
    throw error;
  }
}
