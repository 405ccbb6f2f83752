import { describe, expect, it } from "vitest";
import { partitionSetSchema } from "../../config/partitions";
import { wantedSet } from "../../components/partitions";
import { allNames, currentNames } from "../../provider/kinds/partition-set/current-names";
import type { PartitionSetInputs } from "../../provider/kinds/partition-set/inputs";

const retention = { age: "12 months", then: "drop" };

describe("a set of partitions of an earlier version", () => {
  it.each([
    [
      { kind: "time", step: "1 month", startAt: "2026-01-15", retention },
      { kind: "time", interval: "1 month", start: "2026-01-15", retention },
    ],
    [
      { kind: "list", members: { eu: ["de"] }, retention: null },
      { kind: "list", values: { eu: ["de"] }, retention: null },
    ],
    [
      { kind: "hash", members: { modulus: 4 } },
      { kind: "hash", modulus: 4 },
    ],
    [
      { kind: "time", sub: { by: "list", column: "c", partitions: { eu: ["de"] }, default: true } },
      { kind: "time", sub: { by: "list", column: "c", values: { eu: ["de"] }, default: true } },
    ],
    [
      { kind: "time", sub: { by: "hash", column: "c", modulus: 2 } },
      { kind: "time", sub: { by: "hash", column: "c", modulus: 2 } },
    ],
  ])("has the names of this version: %j", (earlier, current) => {
    expect(currentNames(earlier)).toEqual(current);
    expect(currentNames(current)).toEqual(current);
  });

  it.each([
    [
      { interval: "1 month", start: "2026-01-15", sub: { by: "list", column: "c", values: { eu: ["de"] } } },
      { step: "1 month", start_at: "2026-01-15", sub: { by: "list", column: "c", partitions: { eu: ["de"] } } },
    ],
    [
      { kind: "integer", interval: 1000, start: 5, sub: { by: "hash", column: "c", modulus: 2 } },
      { step: "1000", start_at: "5", sub: { by: "hash", column: "c", modulus: 2 } },
    ],
    [{ kind: "list", values: { eu: ["de"] } }, { members: { eu: ["de"] } }],
    [{ kind: "hash", modulus: 4 }, { members: { modulus: 4 } }],
  ])("plans %j, with the names of both", (declared, earlier) => {
    const set = wantedSet("app", "data.t", partitionSetSchema.parse(declared)) as PartitionSetInputs;
    expect(allNames(set)).toMatchObject(set);
    expect(allNames(set)).toMatchObject(earlier);
  });
});
