import { describe, expect, it } from "vitest";
import {
  describeChanges,
  keepDeclaredSpelling,
  describeRefusals,
  type Config,
} from "../../provider/kinds/tiered-table/compare";
import type { TieredTableInputs } from "../../provider/kinds/tiered-table/inputs";

const inputs: TieredTableInputs = {
  database: "app",
  schema: "geo",
  name: "ships",
  config: {
    owner: "keeper",
    columns: [
      { name: "fid", type: "text" },
      { name: "dtg", type: "timestamptz" },
    ],
    id: "fid",
    time: "dtg",
    sortKey: { columns: ["dtg"] },
    indexes: ["fid"],
    intervalHours: 6,
    minuteOffset: 3,
    pagesPerRange: 128,
    tablespaces: {},
    walMinutes: 10,
  },
  onRemove: "keep",
  problems: [],
};
/** As the library spells it. */
const real: Config = {
  ...inputs.config,
  schema: "geo",
  name: "ships",
  maxAge: null,
  columns: [
    { name: "fid", type: "text", notNull: true },
    { name: "dtg", type: "timestamp with time zone", notNull: true },
  ],
};

describe("a tiered table as it is", () => {
  it("has the stack file's words where they mean the same", () => {
    expect(keepDeclaredSpelling(inputs, real, structuredClone(real))).toEqual({ ...inputs.config, maxAge: undefined });
  });

  it("has the server's where they do not", () => {
    const found = keepDeclaredSpelling(inputs, { ...real, maxAge: "30 days", intervalHours: 3 }, real);
    expect(found).toMatchObject({ maxAge: "30 days", intervalHours: 3, columns: inputs.config.columns });
  });
});

describe("a change of a tiered table", () => {
  const refused = (change: Config, to: Partial<TieredTableInputs> = {}) =>
    describeRefusals(inputs, { ...inputs, ...to }, real, { ...real, ...change });

  it("is refused where its tables would have to be others", () => {
    expect(refused({})).toEqual([]);
    expect(refused({ intervalHours: 3, maxAge: "1 day", minuteOffset: 1, tablespaces: { main: "slow" } })).toEqual([]);
    expect(refused({ indexes: ["dtg", "fid"] })).toEqual([]);
    expect(refused({ indexes: ["dtg"] })).toEqual(["indexes can only be added, and the change removes fid"]);
    for (const [key, value] of [
      ["owner", "other"],
      ["id", "dtg"],
      ["time", "fid"],
      ["pagesPerRange", 64],
      ["walMinutes", 5],
    ] as const) {
      expect(refused({ [key]: value })).toEqual([
        `${key} cannot change from ${JSON.stringify(real[key])} to ${JSON.stringify(value)}`,
      ]);
    }
    expect(refused({ sortKey: { columns: ["fid"] } })).toEqual([
      'sortKey cannot change from {"columns":["dtg"]} to {"columns":["fid"]}',
    ]);
    expect(refused({}, { name: "boats" })).toEqual(['name cannot change from "ships" to "boats"']);
  });

  it("of columns is reported column by column", () => {
    const [fid, dtg] = real.columns as [object, object];
    expect(refused({ columns: [dtg, fid] })).toEqual(["columns cannot change: their order changes"]);
    expect(
      refused({
        columns: [
          { ...fid, type: "integer" },
          { name: "x", type: "text" },
        ],
      }),
    ).toEqual([
      'columns cannot change: x is added, dtg is removed, fid changes from {"name":"fid","type":"text","notNull":true} to ' +
        '{"name":"fid","type":"integer","notNull":true}',
    ]);
  });

  it("says what it does", () => {
    expect(describeChanges(real, { ...real, intervalHours: 12, maxAge: "1 day", minuteOffset: 1 })).toEqual([
      "intervalHours 6 -> 12: applies from the next range on; existing partitions stay",
      "minuteOffset 3 -> 1: the maintenance runs in another minute",
      'maxAge none -> "1 day"',
    ]);
    expect(describeChanges(real, real)).toEqual([]);
  });
});
