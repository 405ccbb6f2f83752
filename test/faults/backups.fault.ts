import { setTimeout as sleep } from "node:timers/promises";
import { docker, TestStack } from "../integration/stack";
import { loseTheVolume, recoverUnderLoad } from "./backups-recovery";
import { faultDrills } from "./backups-drills";
import { Checks } from "./checks";

// Point-in-time recovery under load, and what can happen to an archive: each fault is told, none is silent.
//   npm run test:faults -- backups [SECONDS OF LOAD] [TARGETS]

const ARCHIVE_TIMEOUT_S = 10;

export async function run([seconds = "60", targets = "10"]: string[]): Promise<void> {
  const checks = new Checks();
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
    await recoverUnderLoad(stack, checks, Number(seconds), Number(targets));
    stack.sql("app", "TRUNCATE t");
    await loseTheVolume(stack, checks, ARCHIVE_TIMEOUT_S);
  } finally {
    await stack.dispose();
  }
  await faultDrills(checks);
  checks.close();
}
