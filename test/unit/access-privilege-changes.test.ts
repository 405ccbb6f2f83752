import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Groups } from "../../provider/kinds/access/alternative-grants";
import type { DefaultFact, Facts, PrivilegeFact } from "../../provider/kinds/access/catalog";
import { compare, type Wanted } from "../../provider/kinds/access/compare";
import type { Grant } from "../../provider/kinds/access/grant";
import { statements } from "../../provider/kinds/access/statements";
import { describeChanges, linesOf } from "../../provider/kinds/access/privilege-changes";
import { facts, ROLES, run, wanted } from "./access-model";

const CREATORS = ["owner", "postgres"];
const NOBODY: Groups = new Map();
const given = (
  kind: PrivilegeFact["kind"],
  name: string,
  to: Record<string, string[]> = {},
  column: string | null = null,
): PrivilegeFact[] => {
  const one = {
    kind,
    schema: "s",
    name,
    column,
    owner: "owner",
    target: `${kind} s.${name}`,
    grantors: [],
    ofExtension: false,
    parent: null,
    revoked: false,
  };
  const held = Object.entries(to).flatMap(([grantee, list]) =>
    list.map((each) => ({ ...one, grantee, privilege: each.replace("*", ""), grantable: each.endsWith("*") })),
  );
  return held.length > 0 ? held : [{ ...one, grantee: null, privilege: null, grantable: null }];
};
const tables = (names: string, to?: Record<string, string[]>) =>
  names.split(" ").flatMap((name) => given("table", name, to));
const later = (creators: string[], grantee: string, privilege: string, schema = "s"): DefaultFact[] =>
  creators.map((creator) => ({ creator, schema, kind: "table", grantee, privilege, grantable: false, revoked: false }));
const all = (role: string, ...privileges: string[]): Grant => ({ role, on: { all: "table", schema: "s" }, privileges });
const one = (role: string, name: string, ...privileges: string[]): Grant => ({
  role,
  on: { kind: "table", schema: "s", name },
  privileges,
});

interface Case {
  there: PrivilegeFact[];
  later?: DefaultFact[];
  grants?: Grant[];
  former?: Grant[];
  groups?: Groups;
  undeclared?: "revoke" | "report";
  says: string[];
}

describe("a change of privileges in words", () => {
  it.each<[string, Case]>([
    [
      "a grant on all tables",
      {
        there: tables("a b c"),
        grants: [all("r", "SELECT")],
        says: ["r gains SELECT on all 3 tables of s, and on future tables, in database d"],
      },
    ],
    [
      "a declared privilege that goes",
      {
        there: [...tables("a b", { r: ["DELETE"] }), ...tables("c")],
        later: later(CREATORS, "r", "DELETE"),
        former: [all("r", "DELETE")],
        says: ["r loses DELETE on 2 of 3 tables of s (a, b), and on future tables, in database d"],
      },
    ],
    [
      "what nobody declared, on a single table, for whom one role makes tables",
      {
        there: [...tables("a", { r: ["INSERT", "DELETE"] }), ...tables("b")],
        later: later(["owner"], "r", "DELETE"),
        says: [
          "r loses DELETE on table s.a, and on future tables created by owner, in database d, not declared in the stack file",
          "r loses INSERT on table s.a in database d, not declared in the stack file",
        ],
      },
    ],
    [
      "what nobody declared, where that stays",
      { there: tables("a", { r: ["INSERT"] }), undeclared: "report", says: [] },
    ],
    [
      "what somebody has revoked by hand",
      {
        there: tables("a b"),
        grants: [one("r", "a", "SELECT")],
        former: [one("r", "a", "SELECT")],
        says: ["r gains SELECT on table s.a in database d, declared already, but missing"],
      },
    ],
    [
      "the right to pass on, alone and with the privilege",
      {
        there: [...tables("a", { r: ["SELECT*"] }), ...tables("b", { q: ["SELECT*"] })],
        grants: [one("r", "a", "SELECT")],
        former: [one("r", "a", "SELECT")],
        says: [
          "q loses SELECT on table s.b in database d, not declared in the stack file",
          "r loses GRANT OPTION for SELECT on table s.a in database d, not declared in the stack file",
        ],
      },
    ],
    [
      "columns",
      {
        there: [
          ...tables("a", { r: ["SELECT"] }),
          ...given("column", "a", { r: ["UPDATE", "SELECT"] }, "x"),
          ...given("column", "a", { r: ["UPDATE"] }, "y"),
        ],
        grants: [one("r", "a", "SELECT")],
        says: [
          "r loses SELECT on column x of table s.a in database d, but has it through the whole table too, not declared in the stack file",
          "r loses UPDATE on columns x, y of table s.a, in database d, not declared in the stack file",
        ],
      },
    ],
    [
      "what PUBLIC or a group keeps",
      {
        there: [
          ...tables("a", { r: ["SELECT"], public: ["SELECT"] }),
          ...tables("b", { r: ["SELECT"], g: ["SELECT"] }),
          ...tables("c", { r: ["SELECT"] }),
        ],
        grants: [one("public", "a", "SELECT"), one("g", "b", "SELECT"), one("r", "d", "SELECT")],
        former: [all("r", "SELECT")],
        groups: new Map([["r", ["g"]]]),
        says: [
          "r loses SELECT on table s.a in database d, but has it through PUBLIC too",
          "r loses SELECT on table s.b in database d, but has it through g too",
          "r loses SELECT on table s.c in database d",
        ],
      },
    ],
    [
      "what a group of PostgreSQL or the owner gives already",
      {
        there: tables("a"),
        grants: [one("r", "a", "SELECT"), one("q", "a", "DELETE")],
        groups: new Map([
          ["r", ["pg_read_all_data"]],
          ["q", ["owner"]],
        ]),
        says: [
          "r gains SELECT on table s.a in database d, which it has through pg_read_all_data already",
          "q gains DELETE on table s.a in database d, which it has through owner already",
        ],
      },
    ],
    [
      "default privileges in all schemas",
      {
        there: tables("a"),
        later: [...later(CREATORS, "public", "SELECT", ""), ...later(["x"], "r", "SELECT", "")],
        says: [
          "PUBLIC loses SELECT on future tables in database d, not declared in the stack file",
          "r loses SELECT on future tables created by x in database d, not declared in the stack file",
        ],
      },
    ],
    [
      "what was revoked from the owner, and from PUBLIC on schema public",
      {
        there: [
          ...tables("a").map((each) => ({ ...each, grantee: "owner", privilege: "REFERENCES", revoked: true })),
          { ...(given("schema", "public")[0] as PrivilegeFact), schema: "public" },
        ],
        later: later(["postgres"], "postgres", "SELECT", "").map((each) => ({ ...each, revoked: true })),
        says: [
          "PUBLIC gains USAGE on schema public in database d, PostgreSQL's own default, but revoked",
          "owner gains REFERENCES on table s.a in database d, PostgreSQL's own default, but revoked",
          "postgres gains SELECT on future tables created by postgres in database d, PostgreSQL's own default, but revoked",
        ],
      },
    ],
    [
      "database and schema",
      {
        there: [
          { ...(given("database", "d", { public: ["CONNECT"] })[0] as PrivilegeFact), schema: "" },
          ...given("schema", "s", { r: ["CREATE"] }),
        ],
        grants: [{ role: "r", on: { kind: "schema", schema: "s", name: "s" }, privileges: ["USAGE"] }],
        former: [{ role: "r", on: { kind: "schema", schema: "s", name: "s" }, privileges: ["CREATE"] }],
        says: [
          "PUBLIC loses CONNECT on database d, not declared in the stack file",
          "r loses CREATE on schema s in database d",
          "r gains USAGE on schema s in database d",
        ],
      },
    ],
  ])(
    "%s",
    (_name, { there, later: defaults = [], grants = [], former, groups = NOBODY, undeclared = "revoke", says }) => {
      const once = former && { grants: former, creators: CREATORS };
      const comparison = compare({ privileges: there, defaults }, { grants, creators: CREATORS }, once);
      const words = describeChanges(comparison, { database: "d", undeclared, creators: CREATORS }, groups);
      expect([...words].sort()).toEqual([...says].sort());
    },
  );

  /** Who has what, PUBLIC counted for everybody, grant options apart. */
  function effective({ privileges, defaults }: Facts): Set<string> {
    const holders = (grantee: string | null) => (grantee === "public" ? ROLES : [grantee]);
    return new Set([
      ...privileges.flatMap(({ grantee, privilege, target, revoked }) =>
        holders(grantee).map((role) => (privilege && !revoked ? `${role} ${privilege} ${target}` : "")),
      ),
      ...defaults
        .filter(({ revoked }) => !revoked)
        .flatMap(({ grantee, privilege, creator, schema, kind }) =>
          (schema === "" ? ["", "s"] : [schema]).flatMap((each) =>
            holders(grantee).map((role) => `${role} ${privilege} ${creator} ${each} ${kind}`),
          ),
        ),
    ]);
  }

  /** What the lines say, remarks that nothing changes heeded. */
  function said(before: Facts, goal: Wanted, verb: "gains" | "loses"): Set<string> {
    const lines = linesOf(compare(before, goal), "revoke", NOBODY);
    return new Set(
      lines
        .filter((line) => line.verb === verb && !/through|own default/.test(line.remark))
        .flatMap(({ role, privileges, objects, future, kind }) =>
          privileges.flatMap((privilege) => [
            ...objects.map(({ target }) => `${role} ${privilege} ${target}`),
            ...future.map(({ creator, schema }) => `${role} ${privilege} ${creator} ${schema} ${kind}`),
          ]),
        ),
    );
  }

  it("is true: each role gains and loses what the lines say, and nothing else but what PUBLIC does", () => {
    fc.assert(
      fc.property(facts, wanted, (before, goal) => {
        const { revoke, grant } = compare(before, goal);
        const after = run(before, [...statements("REVOKE", revoke), ...statements("GRANT", grant)]);
        const [had, has] = [effective(before), effective(after)];
        for (const [verb, from, to] of [
          ["gains", had, has],
          ["loses", has, had],
        ] as const) {
          const lines = said(before, goal, verb);
          for (const each of lines) expect([each, from.has(each), to.has(each)]).toEqual([each, false, true]);
          for (const each of to) {
            const ofPublic = each.replace(new RegExp(`^(${ROLES.join("|")}) `), "public ");
            const everywhere = (words: string) => words.replace(/ s (table|sequence|function)$/, "  $1");
            const reported = [each, ofPublic, everywhere(each), everywhere(ofPublic)].some((words) => lines.has(words));
            if (each !== "" && !from.has(each)) expect([each, reported]).toEqual([each, true]);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is as long for a thousand tables as for one", () => {
    const names = Array.from({ length: 1000 }, (_, n) => `t${n}`).join(" ");
    const there = [...tables(names, { r: ["DELETE", "UPDATE"] }), ...tables("other")];
    const goal = { grants: [all("q", "SELECT")], creators: CREATORS };
    expect(
      describeChanges(
        compare({ privileges: there, defaults: [] }, goal),
        { database: "d", undeclared: "revoke", creators: CREATORS },
        NOBODY,
      ),
    ).toEqual([
      "r loses DELETE, UPDATE on 1000 of 1001 tables of s (t0, t1, t2, t3, t4, t5 and 994 more), in database d, not declared in the stack file",
      "q gains SELECT on all 1001 tables of s, and on future tables, in database d",
    ]);
  });
});
