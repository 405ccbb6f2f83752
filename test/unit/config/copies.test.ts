import { describe, expect, it } from "vitest";
import { sortByNeeds } from "../../../config/order";
import { parseStack } from "../../../config/parse";
import { StackError } from "../../../config/problem";

const databases = (copies: Record<string, object | undefined>) => ({
  roles: { o: {} },
  databases: Object.fromEntries(Object.entries(copies).map(([name, copyOf]) => [name, { owner: "o", copyOf }])),
});

function problemsOf(input: object): string[] {
  try {
    parseStack(input);
  } catch (error) {
    if (error instanceof StackError) return error.problems.map(({ key, text }) => `${key}: ${text}`);
    throw error;
  }
  return [];
}

describe("a database that is made as a copy", () => {
  it("may have a source that the stack does not declare, or one that is a copy itself", () => {
    expect(problemsOf(databases({ shop: { database: "template" } }))).toEqual([]);
    const { copyOf } = parseStack(databases({ a: { database: "b" }, b: { database: "c" }, c: undefined })).databases.a!;
    expect(copyOf).toEqual({ database: "b", run: [], strategy: "wal_log" });
  });

  it.each<[string, object, string[]]>([
    [
      "itself",
      databases({ a: { database: "a" } }),
      ["databases.a.copyOf.database: the database would be a copy of itself: a -> a"],
    ],
    [
      "itself over others",
      databases({ a: { database: "b" }, b: { database: "c" }, c: { database: "a" } }),
      [
        "databases.a.copyOf.database: the database would be a copy of itself: a -> b -> c -> a",
        "databases.b.copyOf.database: the database would be a copy of itself: b -> c -> a -> b",
        "databases.c.copyOf.database: the database would be a copy of itself: c -> a -> b -> c",
      ],
    ],
    ...["postgres", "template0", "template1"].map((source): [string, object, string[]] => [
      source,
      databases({ a: { database: source } }),
      [`databases.a.copyOf.database: "${source}": this is a system database; copy another database`],
    ]),
    [
      "the one that holds pg_cron",
      { ...databases({ a: { database: "b" }, b: undefined }), server: { cronDatabase: "b" } },
      [
        'databases.a.copyOf.database: "b": pg_cron\'s launcher stays connected to this database, and PostgreSQL copies no database ' +
          "that has sessions; copy another database, or set server.cronDatabase to another database",
      ],
    ],
    [
      "another in an unknown way",
      databases({ a: { database: "b", strategy: "fast" } }),
      ['databases.a.copyOf.strategy: "fast" is not allowed; write one of wal_log, file_copy'],
    ],
    ["nothing", databases({ a: {} }), ["databases.a.copyOf.database: is missing; write a name of 1 to 63 bytes"]],
  ])("cannot be a copy of %s", (_, input, problems) => {
    expect(problemsOf(input)).toEqual(problems);
  });
});

describe("an order", () => {
  it("has first what others need, and names what it was given, once each", () => {
    const needs: Record<string, string[]> = { a: ["b", "nobody"], b: ["c"], d: ["b"] };
    expect(sortByNeeds(["a", "b", "c", "d"], (name) => needs[name] ?? [])).toEqual(["c", "b", "a", "d"]);
  });
});
