import type { Client } from "pg";

/**
 * Names the moment before something that cannot be undone, where there is an archive to go back to it, and says how. `what`: such as
 * "migrations of shop".
 */
export async function setRestorePoint(client: Client, what: string, info: (message: string) => void): Promise<void> {
  // Of 63 bytes at most.
  const named = `before ${what}`.replace(/[^ -~]/g, "?").slice(0, 43);
  const name = `${named} ${new Date().toISOString().slice(0, 19).replace("T", " ")}`;
  const { rows } = await client.query<{ archived: boolean }>(
    "SELECT current_setting('archive_mode') <> 'off' AS archived",
  );
  if (!rows[0]?.archived) return;
  await client.query("SELECT pg_create_restore_point($1)", [name]);
  info(`restore point "${name}"; back to it: npm run restore -- --name "${name}"`);
}
