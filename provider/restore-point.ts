import type { Client } from "pg";

/** Longest name that PostgreSQL takes, in bytes. */
const LONGEST = 63;

/** Such as `before migrations of shop 2026-11-25 13:00:00`, in characters that a shell takes as they are in double quotes. */
export function restorePointName(what: string, time: Date): string {
  const at = ` ${time.toISOString().slice(0, 19).replace("T", " ")}`;
  return `before ${what.replace(/[^\w .-]/g, "_")}`.slice(0, LONGEST - at.length) + at;
}

/**
 * Names the moment before something that cannot be undone, where there is an archive to go back to it, and says how. `what`: such as
 * "migrations of shop".
 */
export async function setRestorePoint(client: Client, what: string, info: (message: string) => void): Promise<void> {
  const name = restorePointName(what, new Date());
  const { rows } = await client.query<{ archived: boolean }>(
    "SELECT current_setting('archive_mode') <> 'off' AS archived",
  );
  if (!rows[0]?.archived) return;
  await client.query("SELECT pg_create_restore_point($1)", [name]);
  info(`restore point "${name}"; back to it: npm run restore -- --name "${name}"`);
}
