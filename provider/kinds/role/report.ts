import type { Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { FRESH, type RoleFact, facts } from "./catalog";
import { ANOTHER_PASSWORD, FLAGS, KEPT, keepProblem } from "./compare";
import type { RoleInputs } from "./inputs";
import { declarable } from "./memberships";
import { type Change, changes } from "./statements";

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

export function reportStatements(title: string, list: Change[], info: Operation["info"]): void {
  if (list.length > 0) info(title, ...list.map(({ shown }) => `${shown};`));
}

/** Reports the change of the password, never its text. */
function explainPassword(
  old: RoleInputs,
  found: RoleFact,
  { name, verifier }: RoleInputs,
  info: (text: string) => void,
) {
  if (found.verifier === (verifier ?? null)) return;
  if (verifier === KEPT) return old.verifier === KEPT ? undefined : info(`role ${name}: its password is kept`);
  if (verifier === undefined) info(`role ${name}: its password is removed`);
  else if (found.verifier === null) info(`role ${name}: it has no password; the update sets the declared one`);
  else if (old.verifier === ANOTHER_PASSWORD)
    info(`role ${name}: its password was changed outside of pgwright; the update sets the declared one`);
  else info(`role ${name}: its password changes; open sessions continue`);
}

/** Reports in a preview the changes and statements of the update. */
export async function explain(
  old: RoleInputs | undefined,
  inputs: RoleInputs,
  { host, info, warn, hazard, preview }: Operation,
): Promise<void> {
  if (!preview || (await whyDown(host))) return;
  const answers = await facts.ask(host, inputs.name);
  if (!answers) return;
  const found = answers.get(inputs.name);
  const problem = keepProblem(found, inputs);
  if (problem && found) throw new Error(problem);
  // The data of a restore or of a clone may contain the role.
  if (problem) warn(`the update fails unless the restored data contains the role: ${problem}`);
  const subject = found ? inputs.name : `${inputs.name}, a new role,`;
  for (const change of describePrivilegeChanges(found ?? { ...FRESH, name: inputs.name }, inputs))
    hazard("access", `${subject} ${change}`);
  if (!found) return;
  if (!old) {
    info(`role ${inputs.name} already exists; the update adopts it and alters it as declared`);
    for (const maker of found.makers) hazard("access", `${maker} may alter and grant role ${inputs.name}`);
  } else explainPassword(old, found, inputs, info);
  reportStatements("will be run:", changes(found, inputs), info);
}
