import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStack } from "../../../config/parse";
import { longestPause, scheduleProblem } from "../../../config/schedule";

const good = [
  "* * * * *",
  "*/5 * * * *",
  "0 0 1 1 *",
  "59 23 31 12 7",
  "0 0 * * 0",
  "10 0 * * 0,7",
  "*/5 0-6,22 1,15 jan-mar mon",
  "0,15,30,45 8-18 * * 1-5",
  "0-59/10 * * * *",
  "0 0 $ * *",
  "0 12 * jan,jul mon-fri",
  "0 12 * JAN Mon",
  "  5 4 * * *  ",
  "  5  4 * * sun",
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
  [
    "",
    'a schedule has five fields (minute, hour, day of month, month, day of week) or is "30 seconds"; this one has 1',
  ],
  [
    "* * * *",
    'a schedule has five fields (minute, hour, day of month, month, day of week) or is "30 seconds"; this one has 4',
  ],
  ["* * * * * *", "this one has 6"],
  ["60 * * * *", '"60" is out of range; minute is 0 to 59'],
  ["-1 * * * *", "minute is 0 to 59"],
  ["* 24 * * *", "hour is 0 to 23"],
  ["* * 0 * *", "day of month is 1 to 31"],
  ["* * 32 * *", "day of month is 1 to 31"],
  ["* * * 0 *", "month is 1 to 12"],
  ["* * * 13 *", "month is 1 to 12 or jan..dec"],
  ["* * * * 8", "day of week is 0 to 7 or sun..sat"],
  ["* * * * funday", '"funday" is not a day of week'],
  ["* * * foo *", '"foo" is not a month'],
  ["* * * smarch *", '"smarch" is not a month'],
  ["*/0 * * * *", '"*/0" is not a step'],
  ["*/x * * * *", '"*/x" is not a step'],
  ["*/5/5 * * * *", '"*/5/5" is not a step'],
  ["5/10 * * * *", "has a step without a range"],
  ["5-1 * * * *", "ends before it begins"],
  ["30-10 * * * *", "ends before it begins"],
  ["1-2-3 * * * *", "is not a minute"],
  ["1- * * * *", "is not a minute"],
  ["1,,2 * * * *", "is not a minute"],
  ["1.5 * * * *", "is not a minute"],
  ["$ * * * *", "is not a minute"],
  ["* * L * *", "is not a day of month"],
  ["0 0 * * 1#2", "is not a day of week"],
  ["@every 5m", "not one of @yearly"],
  ["@often", "not one of @yearly"],
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

  it("never breaks the check, whatever is written", () => {
    fc.assert(fc.property(fc.string(), (text) => ["string", "undefined"].includes(typeof scheduleProblem(text))));
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

describe("the schedule of a job", () => {
  it("is checked with the stack file, and so is who runs the job", () => {
    const stack = (jobs: object) => () =>
      parseStack({
        roles: { o: {}, j: { login: true } },
        databases: {
          d: { owner: "o", jobs },
          e: { owner: "j", jobs: { one: { schedule: "@daily", command: "SELECT 1" } } },
        },
      });
    expect(stack({ x: { schedule: "61 * * * *", command: "SELECT 1", role: "j" } })).toThrow(
      /databases\.d\.jobs\.x\.schedule: "61 \* \* \* \*": "61" is out of range/,
    );
    expect(stack({ x: { schedule: "@daily", command: "SELECT 1" } })).toThrow(
      /"o" has login: false, and a job needs a session/,
    );
    expect(stack({ x: { schedule: "@daily", command: "SELECT 1", role: "nobody" } })).toThrow(/"nobody": no such role/);
    expect(stack({ x: { schedule: "@daily", command: "SELECT 1", role: "j" } })).toThrow(
      /"j" may not connect to database d; grant it/,
    );
    const grants = { group: { database: ["CONNECT"] } };
    const byGroup = (inherit: boolean) => () =>
      parseStack({
        roles: { o: {}, group: {}, j: { login: true, memberOf: ["group"], inherit } },
        databases: { d: { owner: "o", grants, jobs: { x: { schedule: "@daily", command: "SELECT 1", role: "j" } } } },
      });
    expect(byGroup(true)).not.toThrow();
    expect(byGroup(false)).toThrow(/may not connect/);
    expect(stack({ one: { schedule: "@daily", command: "SELECT 1", role: "j" } })).toThrow(
      /database d has a job of this name already/,
    );
  });
});
