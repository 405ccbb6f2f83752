import { declarable } from "./memberships";
import { FLAGS, type RoleFact, type RoleInputs } from "./changes";

// Pure: what a role may do after a change that it could not before, and the reverse.

/** Attributes that give power; what INHERIT means is told with each membership. */
const GIVES_POWER = [
  "login",
  "superuser",
  "createDatabase",
  "createRole",
  "replication",
  "bypassRowLevelSecurity",
] as const;

type Declared = Pick<RoleInputs, (typeof GIVES_POWER)[number] | "name" | "inherit" | "memberOf" | "declaredRoles">;

function attributes(one: Declared | RoleFact, other: Declared | RoleFact): string[] {
  return GIVES_POWER.filter((flag) => one[flag] && !other[flag]).map((flag) => FLAGS[flag]);
}

const membershipOf = (groups: string[]) => (groups.length > 0 ? [`membership of ${groups.join(", ")}`] : []);

/** What was done to memberships that stay. */
function options({ memberships }: RoleFact, declared: Declared): string[] {
  const { memberOf, inherit } = declared;
  const kept = declarable(memberships, declared).filter(({ group }) => memberOf.includes(group));
  const groups = (which: (each: (typeof kept)[number]) => boolean) =>
    [...new Set(kept.filter(which).map(({ group }) => group))].join(", ");
  const told = (list: string, words: string) => (list === "" ? [] : [words + list]);
  return [
    ...told(
      groups(({ admin }) => admin),
      "may no longer pass on membership of ",
    ),
    ...told(
      groups((each) => each.inherit && !inherit),
      "no longer has by itself the privileges of ",
    ),
    ...told(
      groups((each) => !each.inherit && inherit),
      "has by itself the privileges of ",
    ),
    ...told(
      groups(({ set }) => !set),
      "may become by SET ROLE: ",
    ),
  ];
}

/** In words, each by itself, as they go on behind the role's name. */
export function describePrivilegeChanges(fact: RoleFact, inputs: Declared): string[] {
  const groups = [...new Set(declarable(fact.memberships, inputs).map(({ group }) => group))];
  const gains = [
    ...attributes(inputs, fact),
    ...membershipOf(inputs.memberOf.filter((group) => !groups.includes(group))),
  ];
  const loses = [
    ...attributes(fact, inputs),
    ...membershipOf(groups.filter((group) => !inputs.memberOf.includes(group))),
  ];
  return [...loses.map((each) => `loses ${each}`), ...options(fact, inputs), ...gains.map((each) => `gains ${each}`)];
}
