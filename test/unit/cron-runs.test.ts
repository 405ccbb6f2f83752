import { expect, it } from "vitest";
import { describeFailure } from "../../provider/kinds/cron-job/runs";

it("describes a run that failed, also before it started", () => {
  const run = { jobId: "1", name: "tidy", database: "app", failed: true, message: "connection failed" };
  expect(describeFailure({ ...run, startedAt: "2026-01-02 03:04:05 UTC" })).toBe(
    "the last run, 2026-01-02 03:04:05 UTC, failed: connection failed",
  );
  expect(describeFailure({ ...run, startedAt: null })).toBe("the last run failed: connection failed");
});
