import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStack } from "../../config/parse";
import { scheduleProblem } from "../../config/schedule";

describe("a schedule", () => {
  it.each([
    "* * * * *",
    "*/5 0-6,22 1,15 jan-mar mon",
    "0 0 $ * *",
    "10 0 * * 0,7",
    "@hourly",
    "@reboot",
    "1 second",
    "59 seconds",
    "  5  4 * * sun",
  ])("may be %s", (schedule) => expect(scheduleProblem(schedule)).toBeUndefined());

  it.each([
    ["* * * *", /five fields.*this one has 4/],
    ["60 * * * *", /"60" is out of range; minute is 0 to 59/],
    ["* 24 * * *", /hour is 0 to 23/],
    ["* * 0 * *", /day of month is 1 to 31/],
    ["* * * foo *", /"foo" is not a month/],
    ["5-1 * * * *", /ends before it begins/],
    ["*/0 * * * *", /not a step/],
    ["60 seconds", /seconds are 1 to 59/],
    ["0 seconds", /seconds are 1 to 59/],
    ["@often", /not one of @yearly/],
    ["", /five fields/],
  ])("may not be %s", (schedule, problem) => expect(scheduleProblem(schedule)).toMatch(problem));

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

  it("never breaks the check, whatever is written", () => {
    fc.assert(fc.property(fc.string(), (text) => ["string", "undefined"].includes(typeof scheduleProblem(text))));
  });
});
