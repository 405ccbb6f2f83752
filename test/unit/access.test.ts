import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { declaredAccess } from "../../components/access";
import { parseFunctionName, parseObjectName, writeObjectName, writeSignature } from "../../config/object-name";
import { parseStack } from "../../config/parse";
import type { Facts, PrivilegeFact } from "../../provider/kinds/access/catalog";
import { changesOf, compare as comparison, type Wanted } from "../../provider/kinds/access/compare";
import { linesOf, type Grant } from "../../provider/kinds/access/grant";
import { shownStatements, statements } from "../../provider/kinds/access/statements";
import { CREATORS, fact, facts, run, things, wanted } from "./access-model";

describe("names of objects", () => {
  it.each([
    ["a.b", { schema: "a", name: "b" }],
    ["A.my.Table", { schema: "A", name: "my.Table" }],
    ['"a.b"."c""d"', { schema: "a.b", name: 'c"d' }],
    ['a.x "y"', { schema: "a", name: 'x "y"' }],
    ["ab", undefined],
    ["a.", undefined],
    ['"a.b', undefined],
    ['a."b"c', undefined],
  ])("%s", (text, parsed) => expect(parseObjectName(text)).toEqual(parsed));

  it.each([
    ["a.f()", { schema: "a", name: "f", args: "" }],
    ['"a.b"."f(x)"(numeric(3, 1), text[])', { schema: "a.b", name: "f(x)", args: "numeric(3, 1), text[]" }],
    ["a.f", undefined],
  ])("%s", (text, parsed) => expect(parseFunctionName(text)).toEqual(parsed));

  it("are read as they were written, whatever they are", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (schema, name) => {
        expect(parseObjectName(writeObjectName({ schema, name }))).toEqual({ schema, name });
      }),
    );
  });

  it("of functions are read as they were written", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom("", "int", "numeric(3, 1), text[]"), (name, args) => {
        expect(parseFunctionName(`s.${writeSignature({ name, args })}`)).toEqual({ schema: "s", name, args });
      }),
    );
  });

  it("are checked with the stack file", () => {
    const stack =
      (tables: object, functions: object = {}) =>
      () =>
        parseStack({
          roles: { o: {} },
          databases: {
            d: { owner: "o", schemas: { "a.b": {} }, dropSchemas: ["public"], grants: { o: { tables, functions } } },
          },
        });
    expect(stack({ "a.b.t": ["SELECT"] })).toThrow(/tables\["a\.b\.t"\]: "a": no such schema/);
    expect(stack({ t: ["SELECT"] })).toThrow(/write schema\.name; "a\.b"\.name/);
    expect(stack({}, { "public.f": ["EXECUTE"] })).toThrow(/write schema\.name\(argument types\)/);
    expect(stack({ '"a.b".t': ["SELECT"] })).not.toThrow(/tables/);
    expect(stack({})).toThrow(/dropSchemas\[0\]: "public" is also in schemas/);
  });
});

/** With what has to be run as statements. */
function compare(before: Facts, goal: Wanted, former?: Wanted) {
  const found = comparison(before, goal, former);
  const { description, undeclared, unknown } = found;
  return {
    description,
    undeclared: linesOf(undeclared),
    unknown,
    revoke: statements("REVOKE", found.revoke),
    withdraw: statements("REVOKE", changesOf(found, "report").taken),
    grant: statements("GRANT", changesOf(found, "revoke").given),
  };
}

describe("roles that make objects", () => {
  const roles = {
    o: {},
    app: { memberOf: ["o"] },
    deeper: { memberOf: ["app"] },
    apart: { memberOf: ["o"], inherit: false },
    behind: { memberOf: ["apart"] },
    maker: {},
    helper: { memberOf: ["maker"] },
    reader: {},
  };
  const creators = (grants: object) => {
    const stack = parseStack({ roles, databases: { d: { owner: "o", schemas: { s: {} }, grants } } });
    return declaredAccess("d", { ...stack.databases.d!, roles: stack.roles }).creators;
  };

  it("are owners, roles that may create in a schema, and all who have the privileges of these", () => {
    expect(creators({ maker: { schemas: { s: { schema: ["CREATE"] } } } })).toEqual([
      "app",
      "deeper",
      "helper",
      "maker",
      "o",
      "postgres",
    ]);
    expect(creators({})).toEqual(["app", "deeper", "o", "postgres"]);
  });

  it("are all roles where PUBLIC may create in a schema", () => {
    expect(creators({ public: { schemas: { public: { schema: ["CREATE"] } } } })).toEqual(
      [...Object.keys(roles), "postgres"].sort(),
    );
  });
});

describe("compare", () => {
  it("leads to what is wanted: its statements leave nothing to do and nothing undeclared", () => {
    fc.assert(
      fc.property(facts, wanted, (before, goal) => {
        const { revoke, grant: give } = compare(before, goal);
        const after = compare(run(before, [...revoke, ...give]), goal);
        expect({ ...after, description: {} }).toEqual({
          description: {},
          undeclared: [],
          unknown: [],
          revoke: [],
          withdraw: [],
          grant: [],
        });
      }),
      { numRuns: 500 },
    );
  });

  it("describes what is there as the wanted grants do, exactly when nothing has to be done", () => {
    fc.assert(
      fc.property(facts, wanted, (before, goal) => {
        const { revoke, grant: give, undeclared } = compare(before, goal);
        const settled = compare(run(before, [...revoke, ...give]), goal).description;
        const now = compare(before, goal).description;
        const needsNothing = revoke.length === 0 && give.length === 0;
        expect(JSON.stringify(now) === JSON.stringify(settled)).toBe(needsNothing && undeclared.length === 0);
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on the order of grants, and takes nothing away that it does not give back in `report`", () => {
    fc.assert(
      fc.property(facts, wanted, (before, goal) => {
        const turned = compare(before, { ...goal, grants: [...goal.grants].reverse() });
        expect([...turned.revoke].sort()).toEqual([...compare(before, goal).revoke].sort());
        const { withdraw } = compare(before, goal, { grants: [], creators: CREATORS });
        expect(withdraw).toEqual([]);
      }),
    );
  });

  it("withdraws what was declared until now", () => {
    const table = things[1];
    const before: Facts = {
      privileges: [fact(table, "owner", "reader", "SELECT", false), fact(table, "owner", "writer", "SELECT", false)],
      defaults: [],
    };
    const former = { grants: [{ role: "reader", on: table, privileges: ["SELECT"] }], creators: [] };
    const { withdraw, revoke } = compare(before, { grants: [], creators: [] }, former);
    expect(withdraw).toEqual(['REVOKE SELECT ON TABLE s.t FROM "reader" CASCADE']);
    expect(revoke).toHaveLength(2);
  });

  it("ends what somebody has passed on for a column", () => {
    const column = {
      ...fact(things[1], "owner", "reader", "UPDATE", false),
      kind: "column" as const,
      column: 'c"d',
      grantors: ["writer"],
    };
    expect(compare({ privileges: [column], defaults: [] }, { grants: [], creators: [] }).revoke).toEqual([
      'GRANT UPDATE ("c""d") ON TABLE s.t TO "writer" WITH GRANT OPTION; REVOKE UPDATE ("c""d") ON TABLE s.t FROM "writer" CASCADE',
      'REVOKE UPDATE ("c""d") ON TABLE s.t FROM "reader" CASCADE',
    ]);
  });

  it("gives back to owners, creators and PUBLIC what PostgreSQL gives them, unless undeclared is report", () => {
    const lost = { ...fact(things[1], "owner", "owner", "REFERENCES", false), revoked: true };
    const later = { creator: "owner", schema: "", kind: "table", grantee: "owner", privilege: "SELECT" } as const;
    const before: Facts = { privileges: [lost], defaults: [{ ...later, grantable: false, revoked: true }] };
    const found = comparison(before, { grants: [], creators: ["owner"] });
    expect(found.description).toEqual({
      "revoked from owner: table s.t": ["REFERENCES"],
      "revoked from owner: tables that owner will make": ["SELECT"],
    });
    expect(linesOf(found.undeclared)).toEqual([
      "revoked from owner: table s.t: REFERENCES",
      "revoked from owner: tables that owner will make: SELECT",
    ]);
    expect(statements("GRANT", changesOf(found, "revoke").given)).toEqual([
      'GRANT REFERENCES ON TABLE s.t TO "owner"',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" GRANT SELECT ON TABLES TO "owner"',
    ]);
    expect(changesOf(found, "report").given).toEqual({ atoms: [], defaults: [] });
  });

  it("does not warn of PostgreSQL's own default, and takes it away where undeclared is revoked", () => {
    const builtIn = {
      creator: "owner",
      schema: "",
      kind: "function",
      grantee: "public",
      privilege: "EXECUTE",
      grantable: false,
      revoked: false,
    } as const;
    const set = { ...builtIn, schema: "s" };
    const found = comparison({ privileges: [], defaults: [builtIn, set] }, { grants: [], creators: ["owner"] });
    expect(linesOf(found.further)).toEqual(["public: functions that owner will make in s: EXECUTE"]);
    expect(linesOf(found.undeclared)).toEqual([
      "public: functions that owner will make: EXECUTE",
      "public: functions that owner will make in s: EXECUTE",
    ]);
    expect(changesOf(found, "revoke").taken.defaults).toHaveLength(2);
  });

  it("tells of the partitions of a table in one line, in words and as statements", () => {
    const parent = { schema: "s", name: "Events" };
    const part = (n: number, privilege: string) => ({
      ...fact(
        { kind: "table", schema: "s", name: `e${n}`, target: `TABLE s.e${n}` } as never,
        "o",
        "r",
        privilege,
        false,
      ),
      parent,
    });
    const privileges = [
      ...[1, 2, 3].map((n) => part(n, "SELECT")),
      part(3, "INSERT"),
      fact(things[1], "o", "r", "SELECT", false),
    ];
    const found = comparison({ privileges, defaults: [] }, { grants: [], creators: [] });
    expect(linesOf(found.undeclared)).toEqual([
      "r: partitions of table s.Events: INSERT, SELECT",
      "r: table s.t: SELECT",
    ]);
    expect(shownStatements("REVOKE", found.revoke)).toEqual([
      'REVOKE SELECT ON TABLE s.e1 FROM "r" CASCADE; -- and on 1 more partition of s.Events',
      'REVOKE SELECT, INSERT ON TABLE s.e3 FROM "r" CASCADE;',
      'REVOKE SELECT ON TABLE s.t FROM "r" CASCADE;',
    ]);
    expect(statements("REVOKE", found.revoke)).toHaveLength(4);
    const one = comparison({ privileges: [part(1, "SELECT")], defaults: [] }, { grants: [], creators: [] });
    expect(linesOf(one.undeclared)).toEqual(["r: table s.e1: SELECT"]);
  });

  it("of an extension's objects counts only what a grant names or has named until now", () => {
    const member = (grantee: string | null, privilege: string | null) => ({
      ...fact(things[4], "owner", grantee, privilege, false),
      ofExtension: true,
    });
    const named: Grant = { role: "reader", on: things[4], privileges: ["EXECUTE"] };
    const all: Grant = { role: "reader", on: { all: "function", schema: "s" }, privileges: ["EXECUTE"] };
    const shut: Facts = { privileges: [member(null, null)], defaults: [] };
    const open: Facts = { privileges: [member("reader", "EXECUTE"), member("public", "EXECUTE")], defaults: [] };
    const nothing = { grants: [], creators: [] };
    expect(compare(shut, { grants: [named], creators: [] })).toMatchObject({
      unknown: [],
      grant: ['GRANT EXECUTE ON ROUTINE s.f(integer) TO "reader"'],
    });
    expect(compare(shut, { grants: [all], creators: [] }).grant).toEqual([]);
    expect(compare(open, nothing)).toMatchObject({ revoke: [], undeclared: [] });
    expect(compare(open, nothing, { grants: [named], creators: [] }).revoke).toEqual([
      'REVOKE EXECUTE ON ROUTINE s.f(integer) FROM "reader" CASCADE',
    ]);
  });

  it("leaves an owner what is the owner's, and PUBLIC the use of schema public", () => {
    const schema = {
      kind: "schema",
      schema: "public",
      name: "public",
      column: null,
      target: "SCHEMA public",
      ofExtension: false,
      parent: null,
      revoked: false,
      owner: "owner",
    } as const;
    const use: PrivilegeFact = { ...schema, grantors: [], grantee: "public", privilege: "USAGE", grantable: false };
    const before: Facts = { privileges: [use, fact(things[1], "owner", null, null, false)], defaults: [] };
    const goal = { grants: [{ role: "owner", on: things[1], privileges: ["SELECT"] }], creators: ["owner"] };
    expect(compare(before, goal)).toMatchObject({
      revoke: [],
      grant: [],
      undeclared: [],
      description: { "owner: table s.t": ["SELECT"] },
    });
    const shut: Facts = { privileges: [{ ...use, grantee: null, privilege: null }], defaults: [] };
    expect(compare(shut, { grants: [], creators: [] }).grant).toEqual(["GRANT USAGE ON SCHEMA public TO PUBLIC"]);
  });

  it("shows a grant on all tables only when those to come are covered too", () => {
    const all: Grant = { role: "reader", on: { all: "table", schema: "s" }, privileges: ["SELECT"] };
    const before: Facts = { privileges: [fact(things[1], "owner", "reader", "SELECT", false)], defaults: [] };
    const { description, grant: give } = compare(before, { grants: [all], creators: ["owner"] });
    expect(description).toEqual({});
    expect(give).toEqual([
      'ALTER DEFAULT PRIVILEGES FOR ROLE "owner" IN SCHEMA "s" GRANT SELECT ON TABLES TO "reader"',
    ]);
  });
});
