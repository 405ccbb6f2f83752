import { describe, expect, it } from "vitest";
import { membershipOrder } from "../../components/roles";
import { parseStack } from "../../config/parse";
import { identifiers, roleDrift, type RoleDeclaration, type RoleFact } from "../../provider/kinds/role-drift";

const attributes = {
  login: true,
  inherit: true,
  createDatabase: false,
  createRole: false,
  replication: false,
  bypassRowLevelSecurity: false,
  connectionLimit: 5,
};
const declared: RoleDeclaration = {
  ...attributes,
  memberOf: ["group"],
  searchPath: ["users", "Odd, one"],
  statementTimeout: "30s",
};
const fact: RoleFact = {
  ...attributes,
  role: 'r"1',
  superuser: false,
  validUntil: null,
  memberships: [{ group: "group", grantor: "postgres", admin: false }],
  settings: [
    { database: null, setting: 'search_path=users, "Odd, one"' },
    { database: null, setting: "statement_timeout=30000" },
    { database: null, setting: "lock_timeout=5s" },
  ],
};

describe("drift of a role", () => {
  it("is nothing when all is as declared", () => {
    expect(roleDrift(fact, declared)).toEqual([]);
    const until = "2030-01-01T01:00:00+01:00";
    expect(roleDrift({ ...fact, validUntil: new Date(until) }, { ...declared, validUntil: until })).toEqual([]);
  });

  it.each<[Partial<RoleFact>, string, string]>([
    [{ superuser: true }, "SUPERUSER", 'ALTER ROLE "r""1" NOSUPERUSER'],
    [{ login: false }, "NOLOGIN", 'ALTER ROLE "r""1" LOGIN'],
    [{ connectionLimit: -1 }, "CONNECTION LIMIT -1", 'ALTER ROLE "r""1" CONNECTION LIMIT 5'],
    [{ validUntil: new Date(0) }, "VALID UNTIL 1970-01-01T00:00:00.000Z", `ALTER ROLE "r""1" VALID UNTIL 'infinity'`],
    [{ memberships: [] }, "no member of group", 'GRANT "group" TO "r""1"'],
    [
      { memberships: [{ group: "group", grantor: "g", admin: true }] },
      "may pass on group",
      'REVOKE ADMIN OPTION FOR "group" FROM "r""1" GRANTED BY "g" CASCADE',
    ],
    [
      { memberships: [...fact.memberships, { group: "other", grantor: "g", admin: false }] },
      "member of other",
      'REVOKE "other" FROM "r""1" GRANTED BY "g" CASCADE',
    ],
    [{ settings: fact.settings.slice(1) }, "no search_path", 'ALTER ROLE "r""1" SET search_path = "users", "Odd, one"'],
    [
      { settings: [fact.settings[0]!, { database: null, setting: "statement_timeout=1min" }] },
      "statement_timeout=1min",
      `ALTER ROLE "r""1" SET statement_timeout = '30s'`,
    ],
    [
      { settings: [...fact.settings, { database: "d", setting: "jit=off" }] },
      "in database d: jit=off",
      'ALTER ROLE "r""1" IN DATABASE "d" RESET "jit"',
    ],
  ])("%j is shown and undone", (change, words, statement) => {
    expect(roleDrift({ ...fact, ...change }, declared)).toEqual([{ words, statement }]);
  });

  it("reads lists as PostgreSQL writes them", () => {
    expect(identifiers('"$user", public, "a ""b"", c"')).toEqual(["$user", "public", 'a "b", c']);
  });
});

describe("roles of the stack file", () => {
  it("come in an order in which groups come first, and never in a circle", () => {
    expect(
      membershipOrder({ a: { memberOf: ["b"] }, b: { memberOf: ["c"] }, c: { memberOf: ["pg_monitor"] } }),
    ).toEqual(["c", "b", "a"]);
    expect(() => parseStack({ roles: { a: { memberOf: ["b"] }, b: { memberOf: ["a"] } } })).toThrow(/a -> b -> a/);
  });
});
