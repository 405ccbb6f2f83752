import { describe, expect, it } from "vitest";
import { parseDrills, problemOf, renderDrill } from "../../../backup/drill";

const line = (passed: string, ended: string) =>
  ["drill-1", "2026-11-25T01:00:00.000Z", ended, passed, "20261125-010000F", "\\N", "7"].join("\t");
const now = new Date("2026-11-26T01:00:00Z");

describe("the evidence of drills", () => {
  it("is read as it was written", () => {
    expect(parseDrills(`${line("t", "2026-11-25T01:00:09.000Z")}\n`)).toEqual([
      {
        drill: "drill-1",
        started: new Date("2026-11-25T01:00:00Z"),
        ended: new Date("2026-11-25T01:00:09Z"),
        passed: true,
        backup: "20261125-010000F",
        recoveredTo: undefined,
        seconds: 7,
      },
    ]);
    expect(parseDrills("")).toEqual([]);
  });

  it("is not good enough where the last one failed or is too old", () => {
    const of = (...lines: string[]) => parseDrills(lines.join("\n"));
    const good = line("t", "2026-11-25T01:00:09.000Z");
    expect(problemOf(of(good), "24h", now)).toBeUndefined();
    expect(problemOf(of(good), "23h", now)).toBe(
      "the last restore drill that passed is 23 hours old, and backup.drill.maxAge is 23h",
    );
    expect(problemOf(of(good, line("f", "2026-11-25T02:00:00.000Z")), undefined, now)).toMatch(/drill-1, has failed/);
    expect(problemOf([], "1d", now)).toBe("there was no restore drill yet");
    expect(problemOf([], undefined, now)).toBeUndefined();
  });

  it("is asked for line by line, whatever the SQL holds", () => {
    const query = "SELECT 'a\tb'\n-- and more\nFROM t";
    const [first, second] = renderDrill({ amcheck: true, checks: [{ database: "a b", query }] }).split("\n");
    expect(first).toBe("amcheck");
    expect(
      second
        ?.split(" ")
        .slice(1)
        .map((each) => Buffer.from(each, "base64").toString()),
    ).toEqual(["a b", query]);
  });
});
