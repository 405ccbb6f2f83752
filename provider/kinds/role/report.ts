import { declarable } from "./memberships";
import type { RoleFact } from "./catalog";
import { FLAGS } from "./compare";
import type { RoleInputs } from "./inputs";

// Pure: the attributes and memberships that a role gains and loses by a change.

/** Attributes that grant privileges; a change of INHERIT is reported with each membership. */
const PRIVILEGED_ATTRIBUTES = [
  "login",
  "superuser",
  "createDatabase",
  "createRole",
  "replication",
  "bypassRowLevelSecurity",
] as const;

type Declared = Pick<
  RoleInputs,
  (typeof PRIVILEGED_ATTRIBUTES)[number] | "name" | "inherit" | "memberOf" | "declaredRoles"
>;

function attributes(one: Declared | RoleFact, other: Declared | RoleFact): string[] {
  return PRIVILEGED_ATTRIBUTES.filter((flag) => one[flag] && !other[flag]).map((flag) => FLAGS[flag]);
}

const membershipOf = (groups: string[]) => (groups.length > 0 ? [`membership of ${groups.join(", ")}`] : []);

/** Changes of the options of memberships that stay. */
function options({ memberships }: RoleFact, declared: Declared): string[] {
  const { memberOf, inherit } = declared;
  const kept = declarable(memberships, declared).filter(({ group }) => memberOf.includes(group));
  const groups = (which: (each: (typeof kept)[number]) => boolean) =>
    [...new Set(kept.filter(which).map(({ group }) => group))].join(", ");
  const line = (list: string, change: string) => (list === "" ? [] : [change + list]);
  return [
    ...line(
      groups(({ admin }) => admin),
      "loses ADMIN OPTION on ",
    ),
    ...line(
      groups((each) => each.inherit && !inherit),
      "no longer inherits the privileges of ",
    ),
    ...line(
      groups((each) => !each.inherit && inherit),
      "inherits the privileges of ",
    ),
    ...line(
      groups(({ set }) => !set),
      "may SET ROLE to ",
    ),
  ];
}

/** Describes each change as a predicate of the role, such as `gains LOGIN`. */
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
