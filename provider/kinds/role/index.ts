import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { Batch } from "../../batch";
import { catalogQuery, readRows, rowsOf } from "../../catalog-query";
import type { Host } from "../../host";
import type { Kind, Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { ask, withDatabase } from "../../session";
import { endSessions, formatList, retire } from "../access/removals";
import { FRESH, ROLES, type RoleFact } from "./catalog";
import { ANOTHER_PASSWORD, compared, keepProblem, KEPT, observed } from "./compare";
import { changes, type Change } from "./statements";
import { declaration, type RoleInputs, type RoleState } from "./inputs";
import { describePrivilegeChanges } from "./report";

/** New owner of the objects of a removed role in databases that the stack does not declare. */
const HEIR = "postgres";

/** Keeps verifiers out of the server's log and statistics, whatever parameters the stack file sets. */
const QUIET = `SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1;
  SET LOCAL log_min_error_statement = 'panic'; SET LOCAL pg_stat_statements.track_utility = off`;

async function find(client: Client, names: string[]): Promise<Map<string, RoleFact>> {
  const rows = await readRows(client, ROLES, names);
  return new Map(rows.map((fact) => [fact.name, fact]));
}

/** Reads all roles of a refresh in one query; undefined while the server is down. */
const facts = new Batch<Map<string, RoleFact> | undefined>((host, names) =>
  ask<Map<string, RoleFact> | undefined>(host, "postgres", (client) => find(client, names), undefined),
);

const queues = new WeakMap<Host, Promise<unknown>>();

/** Serializes changes of roles: they update the same rows of the catalog, and share one connection. */
function runInTurn<T>(host: Host, change: (client: Client) => Promise<T>): Promise<T> {
  const before = (queues.get(host) ?? Promise.resolve()).catch(() => undefined);
  const turn = before.then(() => withDatabase(host, "postgres", change));
  queues.set(host, turn);
  return turn;
}

function reportStatements(title: string, list: Change[], info: Operation["info"]): void {
  if (list.length > 0) info(title, ...list.map(({ shown }) => `${shown};`));
}

/** Creates the role, or adopts the existing one, and alters it as declared, in one transaction. */
async function createOrAlter(inputs: RoleInputs, { host }: Operation): Promise<{ adopted: boolean; done: Change[] }> {
  return runInTurn(host, async (client) => {
    await client.query(`BEGIN; ${QUIET}`);
    const found = (await find(client, [inputs.name])).get(inputs.name);
    const problem = keepProblem(found, inputs);
    if (problem) throw new Error(problem);
    if (!found) await client.query(`CREATE ROLE ${quoted(inputs.name)}`);
    const done = changes(found ?? { ...FRESH, name: inputs.name }, inputs);
    await client.query([...done.map(({ sql }) => sql), "COMMIT"].join("; "));
    return { adopted: found !== undefined, done };
  });
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
async function explain(
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

export const ROLE_ELSEWHERE = catalogQuery("role-elsewhere", { database: z.string(), allowsConnections: z.boolean() });
export const ROLE_DEPENDENTS = catalogQuery("role-dependents", { what: z.string() });

/** Throws if the role still has objects or privileges in any database, and lists them. */
async function mustBeFree(client: Client, host: Host, name: string): Promise<void> {
  const rows = await readRows(client, ROLE_ELSEWHERE, name);
  if (rows.length === 0) return;
  const lines = rows.map(async ({ database, allowsConnections }) => {
    if (!allowsConnections) return `database ${database} has objects or privileges of it, and allows no connections`;
    const found = await withDatabase(host, database, (session) => readRows(session, ROLE_DEPENDENTS, name));
    return `in database ${database}: ${formatList(found.map(({ what }) => what))}`;
  });
  throw new Error(
    `role ${name} cannot be dropped, because it still has objects or privileges:\n  ${(await Promise.all(lines)).join("\n  ")}\n` +
      `run in each of these databases: REASSIGN OWNED BY ${quoted(name)} TO another_role; DROP OWNED BY ${quoted(name)}`,
  );
}

/**
 * A role. An existing one is adopted. The state has the attributes of the catalog; of a password that is not the declared one it has
 * only ANOTHER_PASSWORD.
 */
export const role: Kind<RoleInputs, RoleState> = {
  declaration,
  replaceOn: ["name"],
  notCompared: ["declaredRoles"],
  compared,
  noneIfAbsent: ["validUntil", "searchPath", "statementTimeout", "verifier"],
  explain,
  async create(inputs, operation) {
    if (!operation.preview) {
      const { adopted, done } = await createOrAlter(inputs, operation);
      if (adopted) operation.info(`role ${inputs.name} already exists; adopted`);
      if (adopted) reportStatements("was run:", done, operation.info);
    }
    return { id: inputs.name, state: inputs };
  },
  async read(name, state, inputs, { host }) {
    const found = await facts.ask(host, name);
    if (!found) return state;
    const fact = found.get(name);
    return fact && observed(fact, inputs);
  },
  async update(_id, _old, inputs, operation) {
    if (!operation.preview) reportStatements("was run:", (await createOrAlter(inputs, operation)).done, operation.info);
    return inputs;
  },
  // The resource Access of each database has reassigned the role's objects there.
  async delete(name, _state, { host }) {
    await runInTurn(host, async (client) => {
      const rows = await rowsOf(client, {}, "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", [name]);
      if (rows.length === 0) return;
      await mustBeFree(client, host, name);
      await endSessions(client, [name]);
      await client.query("BEGIN");
      await retire(client, name, HEIR);
      await client.query(`DROP ROLE ${quoted(name)}`);
      await client.query("COMMIT");
    });
  },
};
