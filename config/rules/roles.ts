import { RUN_ROLE_PREFIX } from "../../tuning/pg-hba";
import { findCycle } from "../order";
import { needsRole, SUPERUSER, type Rule } from "./rule";

/** Names of roles, and memberships. */
export const checkRoles: Rule = (stack, report) => {
  for (const [name, { memberOf }] of Object.entries(stack.roles)) {
    if (name === SUPERUSER || name === "public" || name === "none" || name.startsWith("pg_"))
      report(`roles.${name}`, "this name is reserved by PostgreSQL; choose another name");
    if (name.startsWith(RUN_ROLE_PREFIX))
      report(`roles.${name}`, `names that begin with ${RUN_ROLE_PREFIX} are reserved by pgwright; choose another name`);
    memberOf.forEach((group, i) => {
      if (!group.startsWith("pg_")) needsRole(stack, report, `roles.${name}.memberOf[${i}]`, group);
    });
    const cycle = findCycle(name, (each) => stack.roles[each]?.memberOf ?? []);
    if (cycle) report(`roles.${name}.memberOf`, `the role would be a member of itself: ${cycle.join(" -> ")}`);
  }
};
