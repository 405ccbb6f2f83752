import { describe, expect, it } from "vitest";
import { longestPause, scheduleProblem } from "../../../config/schedule";

const good = [
  "* * * * *",
  "*/5 * * * *",
  "0 0 1 1 *",
  "59 23 31 12 7",
  "0 0 * * 0",
  "0,15,30,45 8-18 * * 1-5",
  "0-59/10 * * * *",
  "0 0 $ * *",
  "0 12 * jan,jul mon-fri",
  "0 12 * JAN Mon",
  "  5 4 * * *  ",
  "5\t4 * * *",
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
  "@reboot",
  "1 second",
  "30 seconds",
  "59 seconds",
];

const bad: [string, string][] = [
  ["", "this one has 1"],
  ["* * * *", "this one has 4"],
  ["* * * * * *", "this one has 6"],
  ["60 * * * *", "minute is 0 to 59"],
  ["-1 * * * *", "minute is 0 to 59"],
  ["* 24 * * *", "hour is 0 to 23"],
  ["* * 0 * *", "day of month is 1 to 31"],
  ["* * 32 * *", "day of month is 1 to 31"],
  ["* * * 0 *", "month is 1 to 12"],
  ["* * * 13 *", "month is 1 to 12 or jan..dec"],
  ["* * * * 8", "day of week is 0 to 7 or sun..sat"],
  ["* * * * funday", '"funday" is not a day of week'],
  ["* * * smarch *", '"smarch" is not a month'],
  ["*/0 * * * *", '"*/0" is not a step'],
  ["*/x * * * *", '"*/x" is not a step'],
  ["*/5/5 * * * *", '"*/5/5" is not a step'],
  ["5/10 * * * *", "has a step without a range"],
  ["30-10 * * * *", "ends before it begins"],
  ["1-2-3 * * * *", "is not a minute"],
  ["1- * * * *", "is not a minute"],
  ["1,,2 * * * *", "is not a minute"],
  ["1.5 * * * *", "is not a minute"],
  ["$ * * * *", "is not a minute"],
  ["* * L * *", "is not a day of month"],
  ["0 0 * * 1#2", "is not a day of week"],
  ["@every 5m", "not one of @yearly"],
  ["@never", "not one of @yearly"],
  ["@DAILY", "not one of @yearly"],
  ["0 seconds", "seconds are 1 to 59"],
  ["60 seconds", "seconds are 1 to 59"],
  ["5 minutes", "this one has 2"],
  ["every 5 minutes", "this one has 3"],
  ["30s", "this one has 1"],
];

// Both tables were compared with pg_cron itself. It takes some of the bad ones too ("* * * * * *", "30-10", "*/5/5", "1-2-3",
// "1.5", "1#2"), which nobody writes on purpose.
describe("the schedules of pg_cron", () => {
  it.each(good)("takes %j", (schedule) => {
    expect(scheduleProblem(schedule)).toBeUndefined();
  });

  it.each(bad)("refuses %j and says %j", (schedule, words) => {
    expect(scheduleProblem(schedule)).toContain(words);
  });
});

describe("days between two runs", () => {
  it.each([
    ["* * * * *", 1],
    ["40 3 * * *", 1],
    ["40 3 * * 0", 7],
    ["0 0 1 * *", 31],
    ["0 0 31 * *", 61],
    ["0 0 $ * *", 31],
    ["@yearly", 366],
    ["30 seconds", 1],
  ])("%s: %i", (schedule, days) => expect(longestPause(schedule)).toBe(days));
});
