import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";

// Pure: compares the memberships of a role with its declaration, and keeps the memberships that it granted to others.

export type Membership = z.output<typeof MEMBERSHIP>;
export const MEMBERSHIP = z.strictObject({
  group: z.string(),
  grantor: z.string(),
  /** ADMIN OPTION: the role may grant the membership to others. */
  admin: z.boolean(),
  inherit: z.boolean(),
  /** SET ROLE is allowed. */
  set: z.boolean(),
  /** Has the form of the membership that CREATE ROLE grants to the creator of a role: ADMIN OPTION, by the bootstrap superuser. */
  creator: z.boolean(),
});

/** A membership that the role granted to another role. Its options include those of a grant by the bootstrap superuser. */
export type GrantedMembership = z.output<typeof GRANTED_MEMBERSHIP>;
export const GRANTED_MEMBERSHIP = z.strictObject({
  group: z.string(),
  member: z.string(),
  admin: z.boolean(),
  inherit: z.boolean(),
  set: z.boolean(),
});

interface Declaration {
  name: string;
  memberOf: string[];
  createRole: boolean;
  declaredRoles?: string[];
}

/** Whether a membership is only that of the group's creator, which is not managed. */
function isCreatorMembership(membership: Membership, { createRole, declaredRoles = [] }: Declaration): boolean {
  const { group, inherit, set } = membership;
  return createRole && membership.creator && (!declaredRoles.includes(group) || (!inherit && !set));
}

/**
 * The managed memberships. Those of a role with CREATEROLE in the undeclared roles that it created are not managed: without them it
 * could not alter or drop these roles. Memberships that it grants itself in declared roles are managed.
 */
export function declarable(memberships: Membership[], inputs: Declaration): Membership[] {
  const created = memberships.filter((each) => isCreatorMembership(each, inputs)).map(({ group }) => group);
  return memberships.filter(
    (each) =>
      !isCreatorMembership(each, inputs) &&
      (inputs.memberOf.includes(each.group) ||
        inputs.declaredRoles?.includes(each.group) ||
        !created.includes(each.group)),
  );
}

/** The groups whose memberships would be managed if the stack file declared them. */
export function undecidedGroups(memberships: Membership[], inputs: Declaration): string[] {
  const groups = memberships.map(({ group }) => group);
  const decided = declarable(memberships, inputs);
  const others = declarable(memberships, { ...inputs, declaredRoles: groups }).filter(
    (each) => !decided.includes(each),
  );
  return [...new Set(others.map(({ group }) => group))];
}

/** GRANT of a membership. A group's creator grants it to itself: a grant by the bootstrap superuser would change its creator membership. */
export function grantMembership(group: string, memberships: Membership[], inputs: Declaration): string {
  const administers = memberships.some((each) => each.group === group && isCreatorMembership(each, inputs));
  return `GRANT ${quoted(group)} TO ${quoted(inputs.name)}${administers ? ` GRANTED BY ${quoted(inputs.name)}` : ""}`;
}

/** Statements by which the bootstrap superuser grants the memberships that a role granted, before its ADMIN OPTION is revoked. */
export function regrantMemberships(granted: GrantedMembership[]): string[] {
  return granted.map(
    ({ group, member, admin, inherit, set }) =>
      `GRANT ${quoted(group)} TO ${quoted(member)} WITH ADMIN ${admin}, INHERIT ${inherit}, SET ${set}`,
  );
}
