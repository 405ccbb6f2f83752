import fc from "fast-check";
import { PRIVILEGES } from "../../config/databases";
import type { DefaultFact, Facts, PrivilegeFact } from "../../provider/kinds/access/catalog";
import type { Grant } from "../../provider/kinds/access/grant";

// A model of the catalog: GRANT and REVOKE as the statements say.
export const ROLES = ["reader", "writer", "public", 'odd "role"'];
const OWNERS = ["owner", "writer"];
export const CREATORS = ["owner", "postgres"];
export const things = [
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

export const fact = (
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
  ofExtension: false,
  parent: null,
  revoked: false,
});

export const facts: fc.Arbitrary<Facts> = fc
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
    // What owners and creators have no more.
    fc.array(fc.tuple(fc.constantFrom(...things), fc.nat()), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...CREATORS), fc.constantFrom("table", "sequence", "function"), fc.nat()), {
      maxLength: 2,
    }),
  )
  .map(([owner, given, future, lost, lostLater]) => {
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
        revoked: false,
      });
    }
    for (const [thing, n] of lost) {
      const privilege = PRIVILEGES[thing.kind][n % PRIVILEGES[thing.kind].length] as string;
      privileges.set(`${thing.target} revoked ${privilege}`, {
        ...fact(thing, owner, owner, privilege, false),
        revoked: true,
      });
    }
    for (const [creator, kind, n] of lostLater as [string, DefaultFact["kind"], number][]) {
      const privilege = PRIVILEGES[kind][n % PRIVILEGES[kind].length] as string;
      const row = { creator, schema: "", kind, grantee: creator, privilege, grantable: false, revoked: true };
      defaults.set(`${creator} ${kind} revoked ${privilege}`, row);
    }
    return { privileges: [...privileges.values()], defaults: [...defaults.values()] };
  });

const STATEMENT =
  /^(?:ALTER DEFAULT PRIVILEGES FOR ROLE "(?<creator>\w+)"(?: IN SCHEMA "(?<schema>\w+)")? )?(?<verb>GRANT|REVOKE) (?<option>GRANT OPTION FOR )?(?<privileges>[A-Z, ]+) ON (?<target>.+) (?:TO|FROM) (?<who>PUBLIC|".*?")(?: CASCADE)?$/;
const KINDS: Record<string, DefaultFact["kind"]> = { TABLES: "table", SEQUENCES: "sequence", FUNCTIONS: "function" };

/** Runs statements on the model. */
export function run({ privileges, defaults }: Facts, list: string[]): Facts {
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
        // To give back what was revoked by default leaves nothing that differs from the default.
        else if (verb === "REVOKE" || creator === role) future = future.filter((each) => !mineThen(each));
        else
          future.push({
            creator,
            schema,
            kind: KINDS[target] as DefaultFact["kind"],
            grantee: role,
            privilege,
            grantable: false,
            revoked: false,
          });
      } else if (option) objects = objects.map((each) => (mine(each) ? { ...each, grantable: false } : each));
      else if (verb === "REVOKE" || objects.some((each) => mine(each) && each.revoked))
        objects = objects.filter((each) => !mine(each));
      else {
        const thing = objects.find((each) => each.target === target) as PrivilegeFact;
        objects.push({ ...thing, grantee: role, privilege, grantable: false });
      }
    }
  }
  return { privileges: objects, defaults: future };
}

/** What a stack file may want. */
export const wanted = fc.array(grant, { maxLength: 10 }).map((grants) => ({ grants, creators: CREATORS }));
