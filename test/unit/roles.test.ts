import { describe, expect, it } from "vitest";
import { membershipOrder } from "../../components/roles";
import { parseStack } from "../../config/parse";
import { FRESH, type RoleFact } from "../../provider/kinds/role/catalog";
import {
  ANOTHER_PASSWORD,
  compared,
  identifiers,
  keepProblem,
  KEPT,
  observed,
} from "../../provider/kinds/role/compare";
import { changes } from "../../provider/kinds/role/statements";
import type { RoleInputs } from "../../provider/kinds/role/inputs";
import { describePrivilegeChanges } from "../../provider/kinds/role/report";

const attributes = {
  name: 'r"1',
  login: true,
  superuser: false,
  inherit: true,
  createDatabase: false,
  createRole: false,
  replication: false,
  bypassRowLevelSecurity: false,
  connectionLimit: 5,
};
const declared: RoleInputs = {
  ...attributes,
  memberOf: ["group"],
  searchPath: ["users", "Odd, one"],
  statementTimeout: "30s",
  settings: { timezone: "UTC", lock_timeout: "5s" },
  verifier: "SCRAM-SHA-256$declared",
  byHand: [],
};
const [path, timeout, ...others] = [
  { database: null, setting: 'search_path=users, "Odd, one"' },
  { database: null, setting: "statement_timeout=30000" },
  { database: null, setting: "lock_timeout=5000ms" },
  { database: null, setting: "TimeZone=UTC" },
];
const membership = { group: "group", grantor: "postgres", admin: false, inherit: true, set: true, creator: false };
const fact: RoleFact = {
  ...attributes,
  validUntil: null,
  verifier: "SCRAM-SHA-256$declared",
  memberships: [membership],
  granted: [],
  makers: [],
  settings: [path, timeout, ...others],
};

describe("a role of the catalog", () => {
  it("is the declared one, word for word, when it means the same", () => {
    expect(observed(fact, declared)).toEqual(declared);
    expect(changes(fact, declared)).toEqual([]);
    const validUntil = "2030-01-01T01:00:00+01:00";
    const limited = { ...fact, validUntil: "2030-01-01 00:00:00+00" };
    expect(observed(limited, { ...declared, validUntil }).validUntil).toBe(validUntil);
    expect(changes(limited, { ...declared, validUntil })).toEqual([]);
  });

  it("has an empty path of its own", () => {
    const empty = { ...fact, settings: [{ database: null, setting: 'search_path=""' }, timeout!, ...others] };
    expect(observed(empty, { ...declared, searchPath: [] }).searchPath).toEqual([]);
    expect(changes(empty, { ...declared, searchPath: [] })).toEqual([]);
  });

  it("has lists of libraries and tablespaces as several names, each quoted by itself", () => {
    const settings = {
      session_preload_libraries: "auto_explain, $libdir/passwordcheck",
      temp_tablespaces: 'fast, "Odd, one"',
    };
    const lists = { ...declared, settings };
    const found = [
      { database: null, setting: 'session_preload_libraries=auto_explain, "$libdir/passwordcheck"' },
      { database: null, setting: 'temp_tablespaces=fast, "Odd, one"' },
    ];
    expect(changes({ ...fact, settings: [path!, timeout!, ...found] }, lists)).toEqual([]);
    const asOneName = [{ database: null, setting: 'session_preload_libraries="auto_explain, $libdir/passwordcheck"' }];
    expect(changes({ ...fact, settings: [path!, timeout!, ...asOneName] }, lists).map(({ sql }) => sql)).toEqual([
      `ALTER ROLE "r""1" SET "session_preload_libraries" = 'auto_explain', '$libdir/passwordcheck'`,
      `ALTER ROLE "r""1" SET "temp_tablespaces" = 'fast', 'Odd, one'`,
    ]);
    const none = { ...declared, settings: { temp_tablespaces: "" } };
    expect(changes({ ...fact, settings: [path!, timeout!] }, none).map(({ sql }) => sql)).toEqual([
      `ALTER ROLE "r""1" SET "temp_tablespaces" = ''`,
    ]);
  });

  it("keeps a password, whatever it is, if there is one", () => {
    const keeps = { ...declared, verifier: KEPT };
    for (const verifier of ["SCRAM-SHA-256$another", "md5123"]) {
      expect(observed({ ...fact, verifier }, keeps)).toEqual(keeps);
      expect(changes({ ...fact, verifier }, keeps)).toEqual([]);
      expect(keepProblem({ ...fact, verifier }, keeps)).toBeUndefined();
    }
    expect(observed({ ...fact, verifier: null }, keeps).verifier).toBeUndefined();
    expect(keepProblem({ ...fact, verifier: null }, keeps)).toMatch(
      /^password: keep: role r"1 has no password to keep/,
    );
    expect(keepProblem(undefined, keeps)).toMatch(
      /role r"1 does not exist; .*write password: true .* or false for none$/,
    );
    expect(keepProblem(undefined, declared)).toBeUndefined();
  });

  it.each<[Partial<RoleFact>, Partial<RoleInputs>, string]>([
    [{ superuser: true }, { superuser: true }, 'ALTER ROLE "r""1" NOSUPERUSER'],
    [
      { login: false, connectionLimit: -1 },
      { login: false, connectionLimit: -1 },
      'ALTER ROLE "r""1" LOGIN CONNECTION LIMIT 5',
    ],
    [
      { validUntil: "1970-01-01 00:00:00.5+00" },
      { validUntil: "1970-01-01T00:00:00.500Z" },
      `ALTER ROLE "r""1" VALID UNTIL 'infinity'`,
    ],
    [{ validUntil: "-infinity" }, { validUntil: "-infinity" }, `ALTER ROLE "r""1" VALID UNTIL 'infinity'`],
    [{ memberships: [] }, { memberOf: [] }, 'GRANT "group" TO "r""1"'],
    [
      { memberships: [{ ...membership, admin: true, grantor: "g" }] },
      { byHand: ["has ADMIN OPTION on group"] },
      'REVOKE ADMIN OPTION FOR "group" FROM "r""1" GRANTED BY "g" CASCADE',
    ],
    [
      { memberships: [{ ...membership, inherit: false }] },
      { byHand: ["does not inherit the privileges of group"] },
      'GRANT "group" TO "r""1" WITH INHERIT true GRANTED BY "postgres"',
    ],
    [
      { memberships: [{ ...membership, set: false }] },
      { byHand: ["cannot SET ROLE to group"] },
      'GRANT "group" TO "r""1" WITH SET TRUE GRANTED BY "postgres"',
    ],
    [
      { memberships: [membership, { ...membership, group: "other", grantor: "g", admin: true }] },
      { memberOf: ["group", "other"] },
      'REVOKE "other" FROM "r""1" GRANTED BY "g" CASCADE',
    ],
    [
      { settings: [timeout, ...others] },
      { searchPath: undefined },
      'ALTER ROLE "r""1" SET "search_path" = "users", "Odd, one"',
    ],
    [
      { settings: [path, { database: null, setting: "statement_timeout=1min" }, ...others] },
      { statementTimeout: "1min" },
      `ALTER ROLE "r""1" SET "statement_timeout" = '30s'`,
    ],
    [
      { settings: [...fact.settings, { database: null, setting: "work_mem=1GB" }] },
      { settings: { ...declared.settings, work_mem: "1GB" } },
      'ALTER ROLE "r""1" RESET "work_mem"',
    ],
    [
      { settings: [...fact.settings, { database: "d", setting: "jit=off" }] },
      { byHand: ["in database d: jit=off"] },
      'ALTER ROLE "r""1" IN DATABASE "d" RESET "jit"',
    ],
  ])("%j is seen as %j, and undone", (change, seen, statement) => {
    const drifted = { ...fact, ...change };
    expect(observed(drifted, declared)).toEqual({ ...declared, ...seen });
    expect(changes(drifted, declared)).toEqual([{ sql: statement, shown: statement }]);
  });

  it("shows no verifier, its own or another", () => {
    const drifted = { ...fact, verifier: "SCRAM-SHA-256$by hand" };
    expect(observed(drifted, declared).verifier).toBe(ANOTHER_PASSWORD);
    expect(changes(drifted, declared)).toEqual([
      { sql: `ALTER ROLE "r""1" PASSWORD 'SCRAM-SHA-256$declared'`, shown: `ALTER ROLE "r""1" PASSWORD '...'` },
    ]);
    expect(changes(drifted, { ...declared, verifier: undefined })).toEqual([
      { sql: 'ALTER ROLE "r""1" PASSWORD NULL', shown: 'ALTER ROLE "r""1" PASSWORD NULL' },
    ]);
    expect(observed({ ...fact, verifier: null }, declared).verifier).toBeUndefined();
  });

  it("comes from nothing by the statements for what differs from CREATE ROLE", () => {
    const shown = changes({ ...FRESH, name: declared.name }, declared).map((change) => change.shown);
    expect(shown).toEqual([
      `ALTER ROLE "r""1" LOGIN CONNECTION LIMIT 5 PASSWORD '...'`,
      'GRANT "group" TO "r""1"',
      'ALTER ROLE "r""1" SET "search_path" = "users", "Odd, one"',
      `ALTER ROLE "r""1" SET "statement_timeout" = '30s'`,
      `ALTER ROLE "r""1" SET "timezone" = 'UTC'`,
      `ALTER ROLE "r""1" SET "lock_timeout" = '5s'`,
    ]);
  });

  it("has lists as PostgreSQL writes them", () => {
    expect(identifiers('"$user", public, "a ""b"", c"')).toEqual(["$user", "public", 'a "b", c']);
  });
});

describe("a role with CREATEROLE", () => {
  const maker: RoleInputs = { ...declared, createRole: true, declaredRoles: ["group", "known"] };
  const made = { ...membership, admin: true, inherit: false, set: false, creator: true };
  const granted = { group: "tenant", member: "m", admin: false, inherit: true, set: false };
  const of = (...memberships: RoleFact["memberships"]): RoleFact => ({
    ...fact,
    createRole: true,
    memberships: [membership, ...memberships],
    granted: [granted],
  });
  const sql = (found: RoleFact, inputs: RoleInputs) => changes(found, inputs).map((each) => each.sql);

  it.each<[string, RoleFact["memberships"]]>([
    ["that it has made", [{ ...made, group: "tenant" }]],
    [
      "that it has made and granted itself",
      [
        { ...made, group: "tenant" },
        { ...membership, group: "tenant", grantor: maker.name },
      ],
    ],
    ["that it has made and the superuser has granted it", [{ ...made, group: "tenant", inherit: true, set: true }]],
    ["that it has made and the stack file declares", [{ ...made, group: "known" }]],
  ])("keeps a role %s", (_, memberships) => {
    const found = of(...memberships);
    expect({ ...observed(found, maker), madeMemberOf: undefined }).toEqual(maker);
    expect(sql(found, maker)).toEqual([]);
    expect(describePrivilegeChanges(found, maker)).toEqual([]);
  });

  it("has of a declared role no more than the stack file says", () => {
    const self = { ...membership, group: "known", grantor: maker.name };
    expect(sql(of({ ...made, group: "known" }, self), maker)).toEqual([
      'REVOKE "known" FROM "r""1" GRANTED BY "r""1" CASCADE',
    ]);
    expect(sql(of({ ...made, group: "known", set: true }), maker)).toEqual([
      'REVOKE "known" FROM "r""1" GRANTED BY "postgres" CASCADE',
    ]);
    const member = { ...maker, memberOf: ["group", "known"] };
    expect(sql(of({ ...made, group: "known" }), member)).toEqual(['GRANT "known" TO "r""1" GRANTED BY "r""1"']);
    expect(sql(of({ ...made, group: "known" }, self), member)).toEqual([]);
    // A role that the stack file has declared since the state was read.
    const state = observed(of({ ...made, group: "tenant" }, { ...self, group: "tenant" }), maker);
    expect(compared(state, maker).memberOf).toEqual(["group"]);
    expect(compared(state, { ...maker, declaredRoles: ["group", "tenant"] }).memberOf).toEqual(["group", "tenant"]);
  });

  it("that loses it leaves to others what it has granted them", () => {
    const found = of({ ...made, group: "tenant" });
    const statements = [
      'GRANT "tenant" TO "m" WITH ADMIN false, INHERIT true, SET false',
      'REVOKE "tenant" FROM "r""1" GRANTED BY "postgres" CASCADE',
      'ALTER ROLE "r""1" NOCREATEROLE',
    ];
    expect(sql(found, declared)).toEqual(statements);
    expect(describePrivilegeChanges(found, declared)).toEqual(["loses CREATEROLE", "loses membership of tenant"]);
    const admin = { ...membership, admin: true };
    expect(sql({ ...fact, memberships: [admin], granted: [{ ...granted, group: "group" }] }, declared)[0]).toBe(
      'GRANT "group" TO "m" WITH ADMIN false, INHERIT true, SET false',
    );
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

describe("what a role may do, in words", () => {
  const powers = { login: true, superuser: true, createDatabase: true, createRole: true, replication: true };
  const member = (group: string, options: Partial<typeof membership> = {}) => ({ ...membership, group, ...options });

  it.each<[string, Partial<RoleFact>, Partial<RoleInputs>, string[]]>([
    ["nothing", {}, {}, []],
    [
      "limits and parameters, which give no power",
      { settings: [], connectionLimit: 1, validUntil: "-infinity" },
      {},
      [],
    ],
    [
      "attributes that are given",
      { login: false },
      { createRole: true, bypassRowLevelSecurity: true },
      ["gains LOGIN", "gains CREATEROLE", "gains BYPASSRLS"],
    ],
    [
      "attributes that are taken",
      powers,
      { login: false },
      ["loses LOGIN", "loses SUPERUSER", "loses CREATEDB", "loses CREATEROLE", "loses REPLICATION"],
    ],
    [
      "memberships",
      { memberships: [member("a"), member("b"), member("b", { grantor: "g" }), member("c")] },
      { memberOf: ["c", "d", "e"] },
      ["loses membership of a, b", "gains membership of d, e"],
    ],
    [
      "memberships with other options",
      { memberships: [member("group", { admin: true, set: false, inherit: false })] },
      {},
      ["loses ADMIN OPTION on group", "inherits the privileges of group", "may SET ROLE to group"],
    ],
    [
      "a membership that no longer gives anything by itself",
      {},
      { inherit: false },
      ["no longer inherits the privileges of group"],
    ],
  ])("%s", (_name, found, wanted, words) => {
    expect(describePrivilegeChanges({ ...fact, ...found }, { ...declared, ...wanted })).toEqual(words);
  });
});
