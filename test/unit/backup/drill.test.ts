import { describe, expect, it } from "vitest";
import { drillSpecification, parseDrills, problemOf, renderDrill } from "../../../backup/drill";
import { backupSchema } from "../../../config/backup";

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

  it("is asked for line by line, whatever names and SQL hold", () => {
    const query = "SELECT 'a\tb'\n-- and more\nFROM t";
    const orders = drillSpecification(
      backupSchema.parse({
        drill: {
          checks: [{ database: "a b", query }],
          tables: { shop: ["shop.orders", '"my.schema".Order'] },
          recall: { shop: { "shop.chunks_idx": 0.95 } },
        },
      }).drill!,
    );
    const lines = renderDrill(orders).trimEnd().split("\n");
    const decoded = lines.map((line) =>
      line.split(" ").map((word, i) => (i === 1 || i === 2 ? Buffer.from(word, "base64").toString() : word)),
    );
    expect(decoded).toEqual([
      ["amcheck"],
      ["check", "a b", query],
      ["count", "shop", "shop.orders"],
      ["count", "shop", '"my.schema"."Order"'],
      ["recall", "shop", "shop.chunks_idx", "0.95"],
    ]);
  });
});
