import { type Client, escapeIdentifier as quoted } from "pg";
import { z } from "zod";
import { catalogQuery, readRows } from "../../catalog-query";
import type { Host } from "../../host";
import type { Operation } from "../../kind";
import { withDatabase } from "../../session";
import { formatList } from "../access/removals";
import { find } from "./catalog";
import { FRESH } from "./catalog";
import { keepProblem } from "./compare";
import { type Change, changes } from "./statements";
import type { RoleInputs } from "./inputs";

/** New owner of the objects of a removed role in databases that the stack does not declare. */
export const HEIR = "postgres";

/** Keeps verifiers out of the server's log and statistics, whatever parameters the stack file sets. */
const QUIET = `SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1;
  SET LOCAL log_min_error_statement = 'panic'; SET LOCAL pg_stat_statements.track_utility = off`;

const queues = new WeakMap<Host, Promise<unknown>>();

/** Serializes changes of roles: they update the same rows of the catalog, and share one connection. */
export function runInTurn<T>(host: Host, change: (client: Client) => Promise<T>): Promise<T> {
  const before = (queues.get(host) ?? Promise.resolve()).catch(() => undefined);
  const turn = before.then(() => withDatabase(host, "postgres", change));
  queues.set(host, turn);
  return turn;
}

/** Creates the role, or adopts the existing one, and alters it as declared, in one transaction. */
export async function createOrAlter(
  inputs: RoleInputs,
  { host }: Operation,
): Promise<{ adopted: boolean; done: Change[] }> {
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

export const ROLE_ELSEWHERE = catalogQuery("role-elsewhere", { database: z.string(), allowsConnections: z.boolean() });

export const ROLE_DEPENDENTS = catalogQuery("role-dependents", { what: z.string() });

/** Throws if the role still has objects or privileges in any database, and lists them. */
export async function mustBeFree(client: Client, host: Host, name: string): Promise<void> {
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
