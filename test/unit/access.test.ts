import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseFunctionName, parseObjectName, writeObjectName, writeSignature } from "../../config/object-name";
import { parseStack } from "../../config/parse";
import { PRIVILEGES } from "../../config/databases";
import {
  compare,
  type DefaultFact,
  type Facts,
  type Grant,
  type PrivilegeFact,
} from "../../provider/kinds/access/privileges";

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
    expect(stack({})).toThrow(/dropSchemas\[0\]: "public" is in schemas too/);
  });
});

// A model of the catalog: GRANT and REVOKE as the statements say.
const ROLES = ["reader", "writer", "public", 'odd "role"'];
const OWNERS = ["owner", "writer"];
const CREATORS = ["owner", "postgres"];
const things = [
  { kind: "schema", schema: "s", name: "s", target: "SCHEMA s" },
  { kind: "table", schema: "s", name: "t", target: "TABLE s.t" },
  { kind: "table", schema: "s", name: "a.b", target: 'TABLE s."a.b"' },
  { kind: "sequence", schema: "s", name: "q", target: "SEQUENCE s.q" },
  { kind: "function", schema: "s", name: "f(integer)", target: "ROUTINE s.f(integer)" },
  { kind: "database", schema: "", name: "d", target: "DATABASE d" },
] as const;
type Thing = (typeof things)[number];

const grant: fc.Arbitrary<Grant> = fc
  .tuple(
    fc.constantFrom(...ROLES),
    fc.oneof(
      fc.constantFrom<Grant["on"]>(...things),
      fc.constantFrom<Grant["on"]>(
        { all: "table", schema: "s" },
        { all: "sequence", schema: "s" },
        { all: "function", schema: "s" },
      ),
    ),
  )
  .chain(([role, on]) => {
    const kind = ("all" in on ? on.all : on.kind) as keyof typeof PRIVILEGES;
    return fc.subarray<string>([...PRIVILEGES[kind]], { minLength: 1 }).map((privileges) => ({ role, on, privileges }));
  });

const fact = (
  thing: Thing,
  owner: string,
  grantee: string | null,
  privilege: string | null,
  grantable: boolean,
): PrivilegeFact => ({
  ...thing,
  column: null,
  owner,
  grantee,
  privilege,
  grantable,
  grantors: [],
});

const facts: fc.Arbitrary<Facts> = fc
  .tuple(
    fc.constantFrom(...OWNERS),
    fc.array(fc.tuple(fc.constantFrom(...things), fc.constantFrom(...ROLES), fc.nat(), fc.boolean())),
    fc.array(
      fc.tuple(
        fc.constantFrom(...CREATORS),
        fc.constantFrom("", "s"),
        fc.constantFrom("table", "sequence", "function"),
        fc.constantFrom(...ROLES),
        fc.nat(),
        fc.boolean(),
      ),
    ),
  )
  .map(([owner, given, future]) => {
    const privileges = new Map<string, PrivilegeFact>();
    for (const thing of things) privileges.set(thing.target, fact(thing, owner, null, null, false));
    for (const [thing, grantee, n, grantable] of given) {
      const list = PRIVILEGES[thing.kind];
      const privilege = list[n % list.length] as string;
      if (grantee !== owner)
        privileges.set(
          `${thing.target} ${grantee} ${privilege}`,
          fact(thing, owner, grantee, privilege, grantable && grantee !== "public"),
        );
    }
    const defaults = new Map<string, DefaultFact>();
    for (const [creator, schema, kind, grantee, n, grantable] of future as [
      string,
      string,
      DefaultFact["kind"],
      string,
      number,
      boolean,
    ][]) {
      const list = PRIVILEGES[kind];
      const privilege = list[n % list.length] as string;
      defaults.set(`${creator} ${schema} ${kind} ${grantee} ${privilege}`, {
        creator,
        schema,
        kind,
        grantee,
        privilege,
        grantable: grantable && grantee !== "public",
      });
    }
    return { privileges: [...privileges.values()], defaults: [...defaults.values()] };
  });

const STATEMENT =
  /^(?:ALTER DEFAULT PRIVILEGES FOR ROLE "(?<creator>\w+)"(?: IN SCHEMA "(?<schema>\w+)")? )?(?<verb>GRANT|REVOKE) (?<option>GRANT OPTION FOR )?(?<privileges>[A-Z, ]+) ON (?<target>.+) (?:TO|FROM) (?<who>PUBLIC|".*?")(?: CASCADE)?$/;
const KINDS: Record<string, DefaultFact["kind"]> = { TABLES: "table", SEQUENCES: "sequence", FUNCTIONS: "function" };

/** Runs statements on the model. */
function run({ privileges, defaults }: Facts, list: string[]): Facts {
  let [objects, future] = [[...privileges], [...defaults]];
  for (const statement of list) {
    const {
      creator,
      schema = "",
      verb,
      option,
      privileges: names = "",
      target,
      who = "",
    } = STATEMENT.exec(statement)?.groups ?? {};
    if (!verb || !target) throw new Error(`not a statement of the model: ${statement}`);
    const role = who === "PUBLIC" ? "public" : who.slice(1, -1).replaceAll('""', '"');
    for (const privilege of names.split(", ")) {
      const mineThen = (each: DefaultFact) =>
        each.creator === creator &&
        each.schema === schema &&
        each.kind === KINDS[target] &&
        each.grantee === role &&
        each.privilege === privilege;
      const mine = (each: PrivilegeFact) =>
        each.target === target && each.grantee === role && each.privilege === privilege;
      if (creator) {
        if (option) future = future.map((each) => (mineThen(each) ? { ...each, grantable: false } : each));
        else if (verb === "REVOKE") future = future.filter((each) => !mineThen(each));
        else
          future.push({
            creator,
            schema,
            kind: KINDS[target] as DefaultFact["kind"],
            grantee: role,
            privilege,
            grantable: false,
          });
      } else if (option) objects = objects.map((each) => (mine(each) ? { ...each, grantable: false } : each));
      else if (verb === "REVOKE") objects = objects.filter((each) => !mine(each));
      else {
        const thing = objects.find((each) => each.target === target) as PrivilegeFact;
        objects.push({ ...thing, grantee: role, privilege, grantable: false });
      }
    }
  }
  return { privileges: objects, defaults: future };
}

describe("compare", () => {
  const wanted = fc.array(grant, { maxLength: 10 }).map((grants) => ({ grants, creators: CREATORS }));

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
        const needsNothing =
          revoke.length === 0 && give.every((statement) => statement.endsWith("SCHEMA public TO PUBLIC"));
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

  it("leaves an owner what is the owner's, and PUBLIC the use of schema public", () => {
    const schema = {
      kind: "schema",
      schema: "public",
      name: "public",
      column: null,
      target: "SCHEMA public",
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
