import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparePrivileges, writeDatabase } from "../../../adopt/database";
import type { ContentFact, DatabaseFact } from "../../../adopt/facts";
import { Report } from "../../../adopt/report";
import { parseStack } from "../../../config/parse";
import type { DefaultFact, PrivilegeFact } from "../../../provider/kinds/access/catalog";

const roles = ["owner", "reader", "Odd Role"];
const fact: DatabaseFact = {
  name: "shop",
  owner: "owner",
  connectionLimit: -1,
  allowsConnections: true,
  isTemplate: false,
  encoding: "UTF8",
  provider: "b",
  collation: "C",
  tablespace: "pg_default",
  settings: [],
};
const TARGETS = { table: "TABLE", sequence: "SEQUENCE", function: "ROUTINE" } as const;
const PRIVILEGES = { table: ["SELECT", "INSERT"], sequence: ["USAGE"], function: ["EXECUTE"] } as const;
const kinds = ["table", "sequence", "function"] as const;

const privilege = (over: Partial<PrivilegeFact>): PrivilegeFact => ({
  kind: "schema",
  schema: "s",
  name: "s",
  column: null,
  owner: "owner",
  target: "SCHEMA s",
  grantee: "reader",
  privilege: "USAGE",
  grantable: false,
  grantors: [],
  ofExtension: false,
  parent: null,
  revoked: false,
  ...over,
});

/** Objects of a schema, each with some privileges, or with none. */
const contents = fc
  .array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      schema: fc.constantFrom("s", "Odd.Schema", "public"),
      name: fc.constantFrom("a", "b.c", "Odd Name"),
      owner: fc.constantFrom("owner", "reader", "postgres"),
      column: fc.constantFrom(null, null, null, "col"),
      grants: fc.array(
        fc.record({
          grantee: fc.constantFrom(...roles, "public", "postgres", "pg_monitor"),
          which: fc.nat(1),
          grantable: fc.boolean(),
        }),
      ),
    }),
    { maxLength: 8 },
  )
  .map((objects) =>
    objects.flatMap(({ kind, schema, name, owner, column, grants }) => {
      const written = kind === "function" ? `${name}(integer)` : name;
      const target = `${TARGETS[kind]} "${schema}"."${name}"`;
      const object = { kind, schema, name: written, owner, target };
      const list = grants.filter(({ grantee }) => grantee !== owner);
      if (list.length === 0 || (column !== null && kind !== "table"))
        return [privilege({ ...object, grantee: null, privilege: null })];
      return list.map(({ grantee, which, grantable }) => {
        const right = PRIVILEGES[kind][which % PRIVILEGES[kind].length] as string;
        return privilege({
          ...object,
          grantee,
          privilege: right,
          grantable,
          ...(column ? { kind: "column", column } : {}),
        });
      });
    }),
  );
const defaults = fc.array(
  fc.record<DefaultFact>({
    creator: fc.constantFrom("owner", "reader", "postgres", "somebody"),
    schema: fc.constantFrom("", "s", "Odd.Schema"),
    kind: fc.constantFrom(...kinds),
    grantee: fc.constantFrom("reader", "public"),
    privilege: fc.constantFrom("SELECT", "USAGE", "EXECUTE"),
    grantable: fc.boolean(),
    revoked: fc.constant(false),
  }),
  { maxLength: 5 },
);

const content = (privileges: PrivilegeFact[], given: DefaultFact[]): ContentFact => ({
  objects: 0,
  schemas: [
    { name: "s", owner: "owner" },
    { name: "Odd.Schema", owner: "postgres" },
  ],
  extensions: [],
  // One owner an object, and PUBLIC's use of schema public.
  privileges: [
    privilege({ schema: "public", name: "public", target: "SCHEMA public", grantee: "public" }),
    ...privileges.map((each) => ({
      ...each,
      owner: privileges.find((other) => other.target === each.target)?.owner ?? each.owner,
    })),
  ].filter(({ grantee, owner }) => grantee !== owner),
  defaults: given.filter(
    ({ kind, privilege: right, creator, grantee }) =>
      (PRIVILEGES[kind] as readonly string[]).includes(right) && creator !== grantee,
  ),
  others: [],
  partitioned: [],
  ledgers: [],
});

function adopted(found: ContentFact) {
  const shop = writeDatabase(fact, found, { roles, sameImage: true }, new Report());
  const stack = parseStack({ roles: Object.fromEntries(roles.map((role) => [role, {}])), databases: { shop } });
  return { shop, comparison: comparePrivileges("shop", found, stack) };
}

describe("privileges that are adopted", () => {
  it("are those that were there: nothing is given but to objects to come, and what is not declared has no short form", () => {
    fc.assert(
      fc.property(contents, defaults, (privileges, given) => {
        const { comparison } = adopted(content(privileges, given));
        expect(comparison.unknown).toEqual([]);
        expect(comparison.grants.filter((sql) => !/^ALTER DEFAULT PRIVILEGES .* IN SCHEMA .* GRANT/.test(sql))).toEqual(
          [],
        );
        const lost = comparison.undeclared.filter(
          (words) => !/WITH GRANT OPTION$|: column |that .* will make|^pg_monitor: /.test(words),
        );
        expect(lost).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("are all of a schema where they hold for all and for those to come, and single ones otherwise", () => {
    const on = (name: string, grantee: string | null) =>
      privilege({ kind: "table", name, target: `TABLE s.${name}`, grantee, privilege: grantee && "SELECT" });
    const toCome: DefaultFact = {
      creator: "owner",
      schema: "s",
      kind: "table",
      grantee: "reader",
      privilege: "SELECT",
      grantable: false,
      revoked: false,
    };
    const grants = (privileges: PrivilegeFact[], given: DefaultFact[]) =>
      adopted(content(privileges, given)).shop.grants?.reader;
    const both = [on("a", "reader"), on("b", "reader")];
    expect(grants(both, [toCome])).toEqual({ schemas: { s: { tables: ["SELECT"] } } });
    expect(grants(both, [])).toEqual({ tables: { "s.a": ["SELECT"], "s.b": ["SELECT"] } });
    expect(grants([on("a", "reader"), on("b", null)], [toCome])).toEqual({ tables: { "s.a": ["SELECT"] } });
    expect(grants([], [toCome])).toEqual({ schemas: { s: { tables: ["SELECT"] } } });
    expect(grants([], [{ ...toCome, schema: "" }])).toBeUndefined();
    expect(grants(both, [{ ...toCome, schema: "" }])).toEqual({ schemas: { s: { tables: ["SELECT"] } } });
  });
});
