import { describe, expect, it } from "vitest";
import { missingSteps } from "../../provider/kinds/library/compare";
import { LIBRARIES, type LibraryName } from "../../provider/kinds/library/libraries";
import { orderSteps, readLibrary } from "../../sql/read";

const names = Object.keys(LIBRARIES) as LibraryName[];

describe("steps of a library", () => {
  it("are ordered by their numbers", () => {
    expect(orderSteps(["002_b.sql", "003_a.sql", "001_c.sql"])).toEqual(["001_c.sql", "002_b.sql", "003_a.sql"]);
  });

  it.each([
    ["a gap", ["001_a.sql", "003_c.sql"], "step 003_c.sql: its number is not 002"],
    ["a duplicate", ["001_a.sql", "002_b.sql", "002_c.sql"], "step 002_c.sql: its number is not 003"],
    ["another first number", ["000_a.sql"], "step 000_a.sql: its number is not 001"],
    ["no number", ["001_a.sql", "tables.sql"], "step tables.sql: its number is not 002"],
  ])("may not have %s", (_what, files, problem) => {
    expect(() => orderSteps(files)).toThrow(`${problem}; number the steps from 001, without a gap or a duplicate`);
  });

  const inputs = { database: "app", library: "partitions", files: "" } as const;

  it.each([
    [0, ["one", "two", "three"]],
    [1, ["two", "three"]],
    [3, []],
  ])("are applied once: tables of version %i lack %j", (version, missing) => {
    expect(missingSteps(inputs, ["one", "two", "three"], version)).toEqual(missing);
  });

  it("of a newer pgwright are refused", () => {
    expect(() => missingSteps(inputs, ["one"], 2)).toThrow(
      "database app: the tables of library partitions have version 2, and this pgwright knows versions up to 1; " +
        "use the pgwright that installed them, or a newer one",
    );
  });
});

describe.each(names)("library %s", (name) => {
  const { steps, code } = readLibrary(name);

  it("creates and changes tables in steps only", () => {
    expect(code.filter((text) => /^(CREATE (UNLOGGED )?TABLE|ALTER TABLE|CREATE TYPE)/m.test(text))).toEqual([]);
  });

  it("has the names by which its tables are dropped", () => {
    const tables = [...steps.join("\n").matchAll(/^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?pgwright\.(\w+)/gm)];
    expect(tables).not.toEqual([]);
    for (const [, table] of tables) {
      const owners = names.filter((each) => new RegExp(LIBRARIES[each].objects).test(table ?? ""));
      expect(owners, table).toEqual([name]);
    }
  });
});
