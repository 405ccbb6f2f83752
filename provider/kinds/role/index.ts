import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readSql } from "../../../sql/read";
import { Batch } from "../../batch";
import type { Host } from "../../host";
import type { Kind, Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { ask, withDatabase } from "../../session";
import { endSessions, listed, retire } from "../access/removals";
import {
  ANOTHER_PASSWORD,
  changes,
  compared,
  FRESH,
  keepProblem,
  KEPT,
  observed,
  type Change,
  type RoleFact,
  type RoleInputs,
  type RoleState,
} from "./changes";
import { describePrivilegeChanges } from "./privileges";

export type { RoleInputs } from "./changes";

/** Gets what a removed role has where no database of the stack has an owner for it. */
const HEIR = "postgres";

/** Keeps statements with a verifier out of the server's log and statistics, whatever the stack file sets. */
const QUIET = `SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1;
  SET LOCAL log_min_error_statement = 'panic'; SET LOCAL pg_stat_statements.track_utility = off`;

async function find(client: Client, names: string[]): Promise<Map<string, RoleFact>> {
  const { rows } = await client.query<RoleFact>(readSql("catalog/roles.sql"), [names]);
  return new Map(rows.map((fact) => [fact.name, fact]));
}

/** The roles that a refresh asks for; undefined while the server is down. */
const facts = new Batch<Map<string, RoleFact> | undefined>((host, names) =>
  ask<Map<string, RoleFact> | undefined>(host, "postgres", (client) => find(client, names), undefined),
);

const queues = new WeakMap<Host, Promise<unknown>>();

/** Changes of roles come one after another: they touch the same rows of the catalog, and one connection is enough. */
function inTurn<T>(host: Host, change: (client: Client) => Promise<T>): Promise<T> {
  const before = (queues.get(host) ?? Promise.resolve()).catch(() => undefined);
  const turn = before.then(() => withDatabase(host, "postgres", change));
  queues.set(host, turn);
  return turn;
}

function tell(what: string, list: Change[], info: Operation["info"]): void {
  if (list.length > 0) info(what, ...list.map(({ shown }) => `${shown};`));
}

/** Makes the role, or takes the one that is there, and brings it to its declaration, in one transaction. */
async function put(inputs: RoleInputs, { host }: Operation): Promise<{ adopted: boolean; done: Change[] }> {
  return inTurn(host, async (client) => {
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

/** What happens to the password, in words: its text is never shown. */
function explainPassword(old: RoleInputs, found: RoleFact, { verifier }: RoleInputs, info: (text: string) => void) {
  if (found.verifier === (verifier ?? null)) return;
  if (verifier === KEPT) return old.verifier === KEPT ? undefined : info("it keeps the password that it has");
  if (verifier === undefined) info("it loses its password");
  else if (found.verifier === null) info("it has no password: it gets the declared one");
  else if (old.verifier === ANOTHER_PASSWORD) info("its password was changed by hand: it gets the declared one");
  else info("it gets another password; sessions that are open go on");
}

/** Says in a preview what will be run. */
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
  // The data of a restore or of a copy may bring the role.
  if (problem) warn(`unless the data brings it, the update will fail: ${problem}`);
  const who = found ? inputs.name : `${inputs.name}, a new role,`;
  for (const words of describePrivilegeChanges(found ?? { ...FRESH, name: inputs.name }, inputs))
    hazard("access", `${who} ${words}`);
  if (!found) return;
  if (!old) {
    info(`role ${inputs.name} is there already: adopted, and brought to the declaration`);
    for (const maker of found.makers) hazard("access", `${maker} may alter and grant role ${inputs.name}`);
  } else explainPassword(old, found, inputs, info);
  tell("will be run:", changes(found, inputs), info);
}

/** Refuses to drop a role that databases still know, and says what they have of it. */
async function mustBeFree(client: Client, host: Host, name: string): Promise<void> {
  interface Row {
    database: string;
    allowsConnections: boolean;
  }
  const { rows } = await client.query<Row>(readSql("catalog/role-elsewhere.sql"), [name]);
  if (rows.length === 0) return;
  const lines = rows.map(async ({ database, allowsConnections }) => {
    if (!allowsConnections) return `database ${database} knows it, and allows no connections`;
    const found = await withDatabase(host, database, (there) =>
      there.query<{ what: string }>(readSql("catalog/role-dependents.sql"), [name]),
    );
    return `in database ${database}: ${listed(found.rows.map(({ what }) => what))}`;
  });
  throw new Error(
    `role ${name} cannot be removed, for it still has something:\n  ${(await Promise.all(lines)).join("\n  ")}\n` +
      `run in each of these databases: REASSIGN OWNED BY ${quoted(name)} TO another_role; DROP OWNED BY ${quoted(name)}`,
  );
}

/**
 * A role. One that is there already is adopted. The state holds what the catalog says; a password that is not the declared
 * one is only known to be another.
 */
export const role: Kind<RoleInputs, RoleState> = {
  replaceOn: ["name"],
  notCompared: ["declaredRoles"],
  compared,
  noneIfAbsent: ["validUntil", "searchPath", "statementTimeout", "verifier"],
  explain,
  async create(inputs, operation) {
    if (!operation.preview) {
      const { adopted, done } = await put(inputs, operation);
      if (adopted) operation.info(`role ${inputs.name} was there already: adopted`);
      if (adopted) tell("was run:", done, operation.info);
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
    if (!operation.preview) tell("was run:", (await put(inputs, operation)).done, operation.info);
    return inputs;
  },
  // The resource Access of each database has given away what the role had there.
  async delete(name, _state, { host }) {
    await inTurn(host, async (client) => {
      const { rows } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [name]);
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
