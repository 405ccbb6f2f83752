import { describe, expect, it } from "vitest";
import {
  agentConfiguration,
  parseAgentConfiguration,
  renderAgentConfiguration,
} from "../../../backup/agent-configuration";
import { drillSpecification, problemOf } from "../../../backup/drill";
import { parseDrills, type Drill } from "../../../backup/ledgers";
import { backupSchema } from "../../../config/backup";

const drill = (passed: boolean, ended_at: string): Drill => ({
  drill: "drill-1",
  started_at: "2026-11-25T01:00:00.000Z",
  ended_at,
  passed,
  backup: "20261125-010000F",
  recovered_to: null,
  seconds: 7,
  checks: [],
});
const now = new Date("2026-11-26T01:00:00Z");

describe("the evidence of drills", () => {
  it("is read as it was written, without lines that are no entry", () => {
    const written = drill(true, "2026-11-25T01:00:09.000Z");
    const line = JSON.stringify(written);
    expect(parseDrills(`${line}\n${line.slice(0, 9)}${line}\n{}\n${line}\n${line.slice(0, 20)}`)).toEqual([
      written,
      written,
    ]);
    expect(parseDrills("")).toEqual([]);
  });

  it("is not good enough where the last one failed or is too old", () => {
    const good = drill(true, "2026-11-25T01:00:09.000Z");
    expect(problemOf([good], "24h", now)).toBeUndefined();
    expect(problemOf([good], "23h", now)).toBe(
      "the last restore drill that passed is 23 hours old, and backup.drill.maxAge is 23h",
    );
    const bad = drill(false, "2026-11-25T02:00:00.000Z");
    expect(problemOf([good, bad], undefined, now)).toMatch(/drill-1, has failed/);
    expect(problemOf([], "1d", now)).toBe("there was no restore drill yet");
    expect(problemOf([], undefined, now)).toBeUndefined();
  });
});

describe("the configuration of agent and drill container", () => {
  const { drill: declared, dumps } = backupSchema.parse({
    drill: {
      checks: [{ database: "a b", query: "SELECT 'a\tb'\n-- and more\nFROM t" }],
      tables: { shop: ["shop.orders", '"my.schema".Order'] },
      recall: { shop: { "shop.chunks_idx": 0.95 } },
    },
    dumps: { databases: { shop: { schemas: ["shop"] } } },
  });
  const inputs = {
    stanza: "pgwright-shop",
    options: { "repo1-path": "/1", "repo2-path": "/shop", "repo2-type": "s3", "process-max": "2" },
    schedules: { full: "10 1 * * 0", drill: "@daily" },
    drill: drillSpecification(declared!),
    dumps: { keep: dumps!.keep, databases: dumps!.databases },
  };

  it("has repositories, schedules, and the names and SQL of the stack file", () => {
    expect(agentConfiguration(inputs)).toMatchObject({
      repositories: [
        { number: 1, bucket: false },
        { number: 2, bucket: true },
      ],
      schedules: {
        full: ["-M10", "-H1", "-d*", "-m*", "-w0"],
        drill: ["-M0", "-H0", "-d*", "-m*", "-w*"],
      },
      drill: {
        amcheck: true,
        checks: [{ database: "a b", query: "SELECT 'a\tb'\n-- and more\nFROM t" }],
        counts: [
          { database: "shop", table: "shop.orders" },
          { database: "shop", table: '"my.schema"."Order"' },
        ],
        recalls: [{ database: "shop", index: "shop.chunks_idx", atLeast: 0.95 }],
      },
      dumps: { databases: { shop: { schemas: ["shop"] } } },
    });
  });

  it("is read back as it was written; another text is none", () => {
    expect(parseAgentConfiguration(renderAgentConfiguration(inputs))).toEqual(agentConfiguration(inputs));
    const least = { ...inputs, drill: undefined, dumps: undefined };
    expect(parseAgentConfiguration(renderAgentConfiguration(least))).toEqual(agentConfiguration(least));
    for (const text of ["", "{}", "full -M10\n"]) expect(parseAgentConfiguration(text)).toBeUndefined();
  });
});
