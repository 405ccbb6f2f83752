import { describe, expect, it } from "vitest";
import { snoozeArguments } from "../../../backup/schedules";
import { agentSchedules } from "../../../config/agent-schedules";
import { backupSchema } from "../../../config/backup";
import { timesOf } from "../../../config/schedule";

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

  it("are reported to snooze as lists", () => {
    expect(snoozeArguments("10 1 * * 0").join(" ")).toBe("-M10 -H1 -d* -m* -w0");
    expect(snoozeArguments("*/20 8-10,23 * jan-mar/2 *").join(" ")).toBe("-M0,20,40 -H8,9,10,23 -d* -m1,3 -w*");
    expect(snoozeArguments("0 0 * * 5-7").join(" ")).toBe("-M0 -H0 -d* -m* -w0,5,6");
    expect(snoozeArguments("@daily").join(" ")).toBe("-M0 -H0 -d* -m* -w*");
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
});
