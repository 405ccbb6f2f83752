import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import type { MigrationFile, Section } from "./file";
import { adoptHashes, createLedger, readLedger } from "./ledger";
import { planMigrations } from "./plan";
import { runSection } from "./section";

/** How long to wait for another applier. */
const APPLIER_WITHIN_MS = 600_000;

/** Who applies holds an advisory lock. It is polled for: whoever waits inside PostgreSQL blocks CREATE INDEX CONCURRENTLY. */
async function lockAppliers(client: Client, info: (text: string) => void): Promise<void> {
  const deadline = Date.now() + APPLIER_WITHIN_MS;
  for (let told = false; ; told = true) {
    const { rows } = await client.query(
      "SELECT pg_try_advisory_lock(hashtext('pgwright'), hashtext('migrations')) AS mine",
    );
    if (rows[0].mine) return;
    if (!told) info("waiting: somebody else is applying migrations to this database");
    if (Date.now() > deadline) {
      throw new Error(`another applier has held the lock for ${APPLIER_WITHIN_MS / 1000} s; it shows in pg_locks`);
    }
    await sleep(500);
  }
}

/** Applies and undoes what the plan says; the connection is the superuser's and is used for nothing else. */
export async function runMigrations(
  client: Client,
  files: MigrationFile[],
  target: string | undefined,
  role: string,
  info: (text: string) => void,
): Promise<void> {
  await lockAppliers(client, info);
  try {
    await createLedger(client);
    const ledger = (await readLedger(client)) ?? [];
    const { up, down } = planMigrations(files, ledger, target);
    await adoptHashes(client, files);
    const each = { client, role, info };
    for (const file of down) {
      await runSection({ ...each, file, section: file.down as Section, direction: "down", from: 0 });
    }
    for (const file of up) {
      const begun = ledger.find(({ version, finished }) => BigInt(version) === BigInt(file.version) && !finished);
      await runSection({ ...each, file, section: file.up, direction: "up", from: begun?.statements ?? 0 });
    }
  } finally {
    await client
      .query("SELECT pg_advisory_unlock(hashtext('pgwright'), hashtext('migrations'))")
      .catch(() => undefined);
  }
}
