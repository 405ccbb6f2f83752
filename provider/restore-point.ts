import type { Client } from "pg";
import { z } from "zod";
import { rowsOf } from "./catalog-query";

/** Longest name of a restore point in PostgreSQL, bytes. */
const LONGEST = 63;

/** Such as `before migrations of shop 2026-11-25 13:00:00`. It has only characters without a meaning inside a shell's double quotes. */
export function restorePointName(what: string, time: Date): string {
  const at = ` ${time.toISOString().slice(0, 19).replace("T", " ")}`;
  return `before ${what.replace(/[^\w .-]/g, "_")}`.slice(0, LONGEST - at.length) + at;
}

/**
 * Creates a restore point before an irreversible operation if the server archives its WAL, and reports the command that restores to it.
 * `what`: such as "migrations of shop".
 */
export async function setRestorePoint(client: Client, what: string, info: (message: string) => void): Promise<void> {
  const name = restorePointName(what, new Date());
  const [server] = await rowsOf(
    client,
    { archived: z.boolean() },
    "SELECT pg_catalog.current_setting('archive_mode') <> 'off' AS archived",
  );
  if (!server?.archived) return;
  await client.query("SELECT pg_create_restore_point($1)", [name]);
  info(`restore point "${name}"; to restore it: npm run restore -- --name "${name}"`);
}
