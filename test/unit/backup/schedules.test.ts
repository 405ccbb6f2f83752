import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agentSchedules, parseSchedules, renderSchedules, snoozeArguments } from "../../../backup/schedules";
import { backupSchema } from "../../../config/backup";
import { nextTimeOf, timesOf } from "../../../config/schedule";

const next = (schedule: string, after: string) => nextTimeOf(timesOf(schedule), new Date(after))?.toISOString();

describe("schedules of the agent", () => {
  it("are those of the stack file", () => {
    expect(agentSchedules(backupSchema.parse({}))).toEqual({
      full: "10 1 * * 0",
      differential: "10 1 * * 1-6",
      verify: "40 3 * * 6",
    });
    const some = backupSchema.parse({ differential: null, incremental: "0 */6 * * *", verify: null, drill: {} });
    expect(agentSchedules(some)).toEqual({ full: "10 1 * * 0", incremental: "0 */6 * * *", drill: "20 4 * * *" });
  });

  it("are told to snooze as lists", () => {
    expect(snoozeArguments("10 1 * * 0")).toBe("-M10 -H1 -d* -m* -w0");
    expect(snoozeArguments("*/20 8-10,23 * jan-mar/2 *")).toBe("-M0,20,40 -H8,9,10,23 -d* -m1,3 -w*");
    expect(snoozeArguments("0 0 * * 5-7")).toBe("-M0 -H0 -d* -m* -w0,5,6");
    expect(snoozeArguments("@daily")).toBe("-M0 -H0 -d* -m* -w*");
  });

  it.each([
    ["10 1 1 * 0", /write one of them as \*/],
    ["0 0 $ * *", /five fields and no \$/],
    ["30 seconds", /five fields/],
    ["@reboot", /five fields/],
    ["61 0 * * *", /minute is 0 to 59/],
  ])("refuse %s", (schedule, why) => {
    expect(() => timesOf(schedule)).toThrow(why);
  });

  it("say when they are due next", () => {
    expect(next("10 1 * * 0", "2026-11-25T00:00:00Z")).toBe("2026-11-29T01:10:00.000Z");
    expect(next("10 1 * * *", "2026-11-25T01:10:00Z")).toBe("2026-11-26T01:10:00.000Z");
    expect(next("0 0 29 2 *", "2026-11-25T00:00:00Z")).toBe("2028-02-29T00:00:00.000Z");
    expect(next("0 0 31 2 *", "2026-11-25T00:00:00Z")).toBeUndefined();
  });

  it("are the same after a way through the file", () => {
    const minute = fc.integer({ min: 0, max: 59 });
    const hour = fc.integer({ min: 0, max: 23 });
    fc.assert(
      fc.property(minute, hour, fc.integer({ min: 0, max: 6 }), (m, h, w) => {
        const schedule = `${m} ${h} * * ${w}`;
        expect(parseSchedules(renderSchedules({ full: schedule })).full).toEqual(timesOf(schedule));
      }),
    );
  });
});
