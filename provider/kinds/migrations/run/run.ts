import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { z } from "zod";
import type { MigrationFile } from "../files/file";
import { rowsOf } from "../../../catalog-query";
import type { Host } from "../../../host";
import { withRunRole } from "../../../run-role";
import { keepApplied, readApplied } from "../files/foreign-ledger";
import { adoptHashes, createLedger, settle } from "../files/ledger";
import { planMigrations } from "../files/plan";
import { runSection } from "./section";

/** Longest wait for another session that applies migrations. */
const APPLIER_WITHIN_MS = 600_000;

/** Takes the advisory lock of migrations. It polls, because a session that waits for a lock blocks CREATE INDEX CONCURRENTLY. */
async function lockAppliers(client: Client, info: (text: string) => void): Promise<void> {
  const deadline = Date.now() + APPLIER_WITHIN_MS;
  for (let reported = false; ; reported = true) {
    const [lock] = await rowsOf(
      client,
      { mine: z.boolean() },
      "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pgwright'), pg_catalog.hashtext('migrations')) AS mine",
    );
    if (lock?.mine) return;
    if (!reported) info("waiting for another session that applies migrations to this database");
    if (Date.now() > deadline) {
      throw new Error(
        `another session has applied migrations for ${APPLIER_WITHIN_MS / 1000} s; find its advisory lock in pg_locks, and wait or end it`,
      );
    }
    await sleep(500);
  }
}

/** What to run, and as which role. */
export interface MigrationRun {
  database: string;
  role: string;
  /** search_path of the files. */
  searchPath?: string[];
  target?: string;
  baseline?: string;
}

/** Applies and undoes files by the plan, in a session with the privileges of the role only. */
export async function runMigrations(
  host: Host,
  { database, role, searchPath = [], target, baseline }: MigrationRun,
  files: MigrationFile[],
  info: (text: string) => void,
): Promise<void> {
  await withRunRole(host, database, role, async (client, admin) => {
    await lockAppliers(admin, info);
    await createLedger(admin);
    await settle(admin);
    const { ledger, foreign } = await readApplied(admin, database, files, baseline);
    const { up, down } = planMigrations(files, ledger, target);
    if (foreign) await keepApplied(admin, ledger, files);
    await adoptHashes(admin, files);
    const each = { client, admin, role, searchPath, info };
    for (const file of down) {
      await runSection({
        ...each,
        file,
        section: file.down,
        direction: "down",
        from: 0,
        interrupted: false,
      });
    }
    for (const file of up) {
      const begun = ledger.find(({ version, finished }) => BigInt(version) === BigInt(file.version) && !finished);
      const from = begun?.statements ?? 0;
      await runSection({ ...each, file, section: file.up, direction: "up", from, interrupted: begun !== undefined });
    }
    await admin.query("SELECT pg_catalog.pg_advisory_unlock(hashtext('pgwright'), hashtext('migrations'))");
  });
}
