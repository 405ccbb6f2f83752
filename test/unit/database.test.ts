import { describe, expect, it } from "vitest";
import { describeMasks, parseMasks } from "../../provider/kinds/database/mask";
import {
  copyStatement,
  databaseChanges,
  finishStatements,
  maskingStatements,
  unfinishedName,
  type Found,
} from "../../provider/kinds/database/statements";
import { restorePointName } from "../../provider/restore-point";

const shop = { name: 'sh"op', owner: "ow ner", connectionLimit: 7 };
const found: Found = { ...shop, allowsConnections: true, isTemplate: false, onlyAscii: false };

describe("the statements of a database", () => {
  it("make it from template0, in UTF8", () => {
    expect(databaseChanges(undefined, shop)).toEqual([
      `CREATE DATABASE "sh""op" OWNER "ow ner" TEMPLATE template0 ENCODING 'UTF8' CONNECTION LIMIT 7`,
    ]);
  });

  it("give it an LC_CTYPE that knows letters outside ASCII, where that of the cluster is C", () => {
    expect(databaseChanges(undefined, shop, { ...found, onlyAscii: true })[0]).toContain(" LC_CTYPE 'C.UTF-8' ");
    expect(databaseChanges(undefined, shop, found)[0]).not.toContain("LC_CTYPE");
  });

  it.each<[Partial<Found>, string[]]>([
    [{}, []],
    [{ owner: "other" }, ['ALTER DATABASE "sh""op" OWNER TO "ow ner"']],
    [{ connectionLimit: -1 }, ['ALTER DATABASE "sh""op" CONNECTION LIMIT 7']],
    [{ allowsConnections: false }, ['ALTER DATABASE "sh""op" ALLOW_CONNECTIONS true']],
  ])("bring one with %j to its declaration", (differing, statements) => {
    expect(databaseChanges({ ...found, ...differing }, shop)).toEqual(statements);
  });

  it("copy it under another name that nobody can connect to, and give it its name at the end", () => {
    const copy = unfinishedName(shop.name);
    expect(copy).toMatch(/^pgwright-copy-[0-9a-f]{12}$/);
    expect(unfinishedName("n".repeat(63)).length).toBeLessThan(63);
    expect(copyStatement('tem"plate', { ...shop, strategy: "file_copy" })).toBe(
      `CREATE DATABASE "${copy}" OWNER "ow ner" TEMPLATE "tem""plate" STRATEGY file_copy CONNECTION LIMIT 0`,
    );
    const renamed = `ALTER DATABASE "${copy}" RENAME TO "sh""op"`;
    expect(finishStatements(shop)).toEqual([renamed, 'ALTER DATABASE "sh""op" CONNECTION LIMIT 7']);
    expect(finishStatements({ ...shop, connectionLimit: 0 })).toEqual([renamed]);
    expect(maskingStatements(shop)).toEqual({
      before: `REVOKE CONNECT ON DATABASE "${copy}" FROM PUBLIC, "ow ner"; ALTER DATABASE "${copy}" CONNECTION LIMIT -1`,
      after: `ALTER DATABASE "${copy}" CONNECTION LIMIT 0; GRANT CONNECT ON DATABASE "${copy}" TO PUBLIC, "ow ner"`,
    });
  });
});

describe("files that mask a copy", () => {
  const parse = (sql: string) => parseMasks([{ file: "mask.sql", sql }]);

  it("are split into statements that know their line", async () => {
    const masks = await parse("-- é\nUPDATE t SET a = ';';\r\n\r\nVACUUM FULL t;");
    expect(masks[0]?.statements.map(({ sql, line }) => [line, sql])).toEqual([
      [2, "UPDATE t SET a = ';'"],
      [4, "VACUUM FULL t"],
    ]);
    expect(describeMasks([...masks, ...(await parse("SELECT 1"))])).toBe(
      "mask.sql (2 statements), mask.sql (1 statement)",
    );
  });

  it.each([
    ["SELECT 1;\nSELECT FROM FROM;", /^mask\.sql:2: syntax error at or near "FROM"/],
    ["\\set x 1", /^mask\.sql:1: \\set is a command of psql, not SQL/],
    [
      "SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;",
      /^mask\.sql:2: pgwright commits each statement separately.*remove BEGIN and COMMIT/,
    ],
    ["COPY t FROM STDIN;", /^mask\.sql:1: COPY FROM STDIN needs a client/],
    ["-- nothing\n", /^mask\.sql: the file has no statement/],
  ])("are refused with %j", async (sql, problem) => {
    await expect(parse(sql)).rejects.toThrow(problem);
  });
});

describe("the name of a restore point", () => {
  const time = new Date("2026-11-25T13:00:00.123Z");

  it("says before what, and when", () => {
    expect(restorePointName("migrations of shop", time)).toBe("before migrations of shop 2026-11-25 13:00:00");
  });

  it("fits PostgreSQL and the quotes of a shell, whatever the database is called", () => {
    const names = ["n".repeat(63), "ü".repeat(31), '"; rm -rf $HOME `x` \\', "a!b"];
    for (const name of names.map((each) => restorePointName(`drop of database ${each}`, time))) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(name).toMatch(/^before drop of database [\w .-]+ 2026-11-25 13:00:00$/);
    }
  });
});
