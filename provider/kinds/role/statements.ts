import { escapeIdentifier as quoted, escapeLiteral as literal } from "pg";
import type { RoleFact } from "./catalog";
import { FLAGS, flags, identifiers, inDatabases, isList, membershipDrift, observed } from "./compare";
import type { RoleInputs } from "./inputs";
import { declarable, grantMembership, regrantMemberships } from "./memberships";

// Pure: the statements that change a role to its declaration.

/** A statement, and its text without secrets. */
export interface Change {
  sql: string;
  shown: string;
}

/** A value for ALTER ROLE SET: a list in one literal would be a single name. */
const inSetCommand = (name: string, value: string): string =>
  isList(name) ? identifiers(value).map(literal).join(", ") || "''" : literal(value);

/** The statements that change a role to its declaration; none if they are equal. */
export function changes(fact: RoleFact, inputs: RoleInputs): Change[] {
  const is = observed(fact, inputs);
  const role = quoted(inputs.name);
  const plain = (sql: string): Change => ({ sql, shown: sql });
  const decided = declarable(fact.memberships, inputs);
  const revoked = decided
    .filter(({ group }) => !inputs.memberOf.includes(group))
    .map(({ group, grantor }) => `REVOKE ${quoted(group)} FROM ${role} GRANTED BY ${quoted(grantor)} CASCADE`);
  const granted = inputs.memberOf
    .filter((group) => !is.memberOf.includes(group))
    .map((group) => grantMembership(group, fact.memberships, inputs));
  // REVOKE ... CASCADE revokes the memberships that the role granted to others, so that the superuser grants them before.
  const noLonger = decided.filter(({ admin }) => admin).map(({ group }) => group);
  const kept = regrantMemberships(fact.granted.filter(({ group }) => noLonger.includes(group)));

  const options: Change[] = flags
    .filter((flag) => is[flag] !== inputs[flag])
    .map((flag) => plain(inputs[flag] ? FLAGS[flag] : `NO${FLAGS[flag]}`));
  if (is.connectionLimit !== inputs.connectionLimit) options.push(plain(`CONNECTION LIMIT ${inputs.connectionLimit}`));
  if (is.validUntil !== inputs.validUntil)
    options.push(plain(`VALID UNTIL ${literal(inputs.validUntil ?? "infinity")}`));
  if (is.verifier !== inputs.verifier)
    options.push(
      inputs.verifier === undefined
        ? plain("PASSWORD NULL")
        : { sql: `PASSWORD ${literal(inputs.verifier)}`, shown: "PASSWORD '...'" },
    );
  const altered = (of: (option: Change) => string) => `ALTER ROLE ${role} ${options.map(of).join(" ")}`;

  return [
    ...[...kept, ...revoked].map(plain),
    ...(options.length > 0 ? [{ sql: altered(({ sql }) => sql), shown: altered(({ shown }) => shown) }] : []),
    ...membershipDrift(fact, inputs).map(({ sql }) => plain(sql)),
    ...granted.map(plain),
    ...inDatabases(fact).map(({ database, setting }) =>
      plain(
        `ALTER ROLE ${role} IN DATABASE ${quoted(database)} RESET ${quoted(setting.slice(0, setting.indexOf("=")))}`,
      ),
    ),
    ...setParameters(is, inputs).map(plain),
  ];
}

function setParameters(is: RoleInputs, inputs: RoleInputs): string[] {
  // Values as SQL: a list of names is not one literal.
  const all = ({ searchPath, statementTimeout, settings }: RoleInputs): Record<string, string> => ({
    ...(searchPath ? { search_path: searchPath.map((each) => quoted(each)).join(", ") || "''" } : {}),
    ...(statementTimeout === undefined ? {} : { statement_timeout: literal(statementTimeout) }),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, inSetCommand(name, value)])),
  });
  const [found, wanted] = [all(is), all(inputs)];
  const alter = `ALTER ROLE ${quoted(inputs.name)}`;
  return [
    ...Object.keys(found)
      .filter((name) => !(name in wanted))
      .map((name) => `${alter} RESET ${quoted(name)}`),
    ...Object.entries(wanted)
      .filter(([name, value]) => found[name] !== value)
      .map(([name, value]) => `${alter} SET ${quoted(name)} = ${value}`),
  ];
}
