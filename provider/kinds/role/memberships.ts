import { escapeIdentifier as quoted } from "pg";

// Pure: memberships of a role beside its declaration, and what keeps the members that it has made.

export interface Membership {
  group: string;
  grantor: string;
  /** It may be passed on. */
  admin: boolean;
  inherit: boolean;
  /** SET ROLE is allowed. */
  set: boolean;
  /** It may be what CREATE ROLE gives the role that makes the group: ADMIN OPTION, by the bootstrap superuser. */
  creator: boolean;
}

/** A membership that the role has granted to another one, with the options that it has once the bootstrap superuser grants it too. */
export interface GrantedMembership {
  group: string;
  member: string;
  admin: boolean;
  inherit: boolean;
  set: boolean;
}

interface Declaration {
  name: string;
  memberOf: string[];
  createRole: boolean;
  declaredRoles?: string[];
}

/** The role administers a group that it has made; of a declared group it has no more than that. */
function isCreators(membership: Membership, { createRole, declaredRoles = [] }: Declaration): boolean {
  const { group, inherit, set } = membership;
  return createRole && membership.creator && (!declaredRoles.includes(group) || (!inherit && !set));
}

/**
 * The memberships that the declaration decides. Those of a role with CREATEROLE in the roles that it has made are its own affair:
 * it could not alter or drop them any more. What it grants itself of one that the stack file declares is not.
 */
export function declarable(memberships: Membership[], inputs: Declaration): Membership[] {
  const made = memberships.filter((each) => isCreators(each, inputs)).map(({ group }) => group);
  return memberships.filter(
    (each) =>
      !isCreators(each, inputs) &&
      (inputs.memberOf.includes(each.group) ||
        inputs.declaredRoles?.includes(each.group) ||
        !made.includes(each.group)),
  );
}

/** The groups whose memberships the declaration would decide too, if it declared them. */
export function undecided(memberships: Membership[], inputs: Declaration): string[] {
  const groups = memberships.map(({ group }) => group);
  const decided = declarable(memberships, inputs);
  const others = declarable(memberships, { ...inputs, declaredRoles: groups }).filter(
    (each) => !decided.includes(each),
  );
  return [...new Set(others.map(({ group }) => group))];
}

/** GRANT of a membership. A role that administers the group grants it itself: the bootstrap superuser would change what made it administrator. */
export function grantMembership(group: string, memberships: Membership[], inputs: Declaration): string {
  const administers = memberships.some((each) => each.group === group && isCreators(each, inputs));
  return `GRANT ${quoted(group)} TO ${quoted(inputs.name)}${administers ? ` GRANTED BY ${quoted(inputs.name)}` : ""}`;
}

/** Statements by which the bootstrap superuser grants what a role has granted, before that ends with the role's own right to grant it. */
export function takeOver(granted: GrantedMembership[]): string[] {
  return granted.map(
    ({ group, member, admin, inherit, set }) =>
      `GRANT ${quoted(group)} TO ${quoted(member)} WITH ADMIN ${admin}, INHERIT ${inherit}, SET ${set}`,
  );
}
