import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { z } from "zod";
import { rowsOf } from "./catalog-query";

/** Longest wait for the archive. */
const PATIENCE_MS = 60_000;

/** Switches the WAL segment and waits until it is archived; false if it is not archived within the limit. */
export async function archiveNow(client: Client): Promise<boolean> {
  // At the start of a segment there is nothing to switch, and the segment before it is the newest.
  const [switched] = await rowsOf(
    client,
    { segment: z.string() },
    "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal() - 1) AS segment",
  );
  const archived =
    "SELECT coalesce(pg_catalog.left(last_archived_wal, 24) >= $1, false) AS done FROM pg_catalog.pg_stat_archiver";
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(200)) {
    const [found] = await rowsOf(client, { done: z.boolean() }, archived, [switched?.segment]);
    if (found?.done) return true;
  }
  return false;
}
