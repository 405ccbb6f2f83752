import { setTimeout as sleep } from "node:timers/promises";
import { docker, TestStack } from "../integration/stack";
import { loseTheVolume, recoverUnderLoad } from "./backups-recovery";
import { faultDrills } from "./backups-drills";
import { Checks } from "./checks";

// Point-in-time recovery under load, and what can happen to an archive: each fault is reported, none is silent.
//   npm run test:faults -- backups [SECONDS OF LOAD] [TARGETS]     with 0 seconds only what can happen

const ARCHIVE_TIMEOUT_S = 10;

export async function run([seconds = "60", targets = "10"]: string[]): Promise<void> {
  const checks = new Checks();
  if (Number(seconds) > 0) await recovery(checks, Number(seconds), Number(targets));
  await faultDrills(checks);
  checks.close();
}

async function recovery(checks: Checks, seconds: number, targets: number): Promise<void> {
  const stack = await TestStack.create({
    backup: { archiveTimeout: `${ARCHIVE_TIMEOUT_S}s`, repositories: [{ retention: { full: 100 } }] },
    server: { settings: { track_commit_timestamp: "on" } },
    roles: { owner: {} },
    databases: { app: { owner: "owner" } },
  });
  try {
    await stack.up();
    stack.sql("app", "CREATE TABLE t (n int PRIMARY KEY)");
    docker("exec", `${stack.container}-agent`, "backup.sh", "incremental");
    await sleep(1500);
    await recoverUnderLoad(stack, checks, seconds, targets);
    stack.sql("app", "TRUNCATE t");
    await loseTheVolume(stack, checks, ARCHIVE_TIMEOUT_S);
  } finally {
    await stack.dispose();
  }
}
