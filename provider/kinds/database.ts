import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import type { Kind, Operation } from "../kind";
import { whyDown } from "../readiness";
import { ask, withDatabase } from "../session";

export interface DatabaseInputs {
  name: string;
  owner: string;
  /** Most sessions at a time; -1: no limit. */
  connectionLimit: number;
}

interface Found extends DatabaseInputs {
  allowsConnections: boolean;
  isTemplate: boolean;
}

/** Where databases are made, changed and dropped from. */
const ELSEWHERE = "postgres";

async function find(client: Client, name: string): Promise<Found | undefined> {
  const { rows } = await client.query<Found>(
    `SELECT datname AS name, pg_get_userbyid(datdba) AS owner, datconnlimit AS "connectionLimit",
            datallowconn AS "allowsConnections", datistemplate AS "isTemplate"
     FROM pg_database WHERE datname = $1`,
    [name],
  );
  return rows[0];
}

/** The statements that bring a database to its declaration; without one, those that make it. */
export function databaseChanges(found: Found | undefined, { name, owner, connectionLimit }: DatabaseInputs): string[] {
  const database = `DATABASE ${quoted(name)}`;
  if (!found) {
    return [
      `CREATE ${database} OWNER ${quoted(owner)} TEMPLATE template0 ENCODING 'UTF8' CONNECTION LIMIT ${connectionLimit}`,
    ];
  }
  return [
    ...(found.owner === owner ? [] : [`ALTER ${database} OWNER TO ${quoted(owner)}`]),
    ...(found.connectionLimit === connectionLimit ? [] : [`ALTER ${database} CONNECTION LIMIT ${connectionLimit}`]),
    ...(found.allowsConnections ? [] : [`ALTER ${database} ALLOW_CONNECTIONS true`]),
  ];
}

function tell(what: string, statements: string[], info: (text: string) => void): void {
  if (statements.length > 0) info([what, ...statements.map((each) => `  ${each};`)].join("\n"));
}

async function put(inputs: DatabaseInputs, { host }: Operation): Promise<{ adopted: boolean; done: string[] }> {
  return withDatabase(host, ELSEWHERE, async (client) => {
    const found = await find(client, inputs.name);
    const done = databaseChanges(found, inputs);
    for (const statement of done) await client.query(statement); // CREATE DATABASE is no part of a transaction
    return { adopted: found !== undefined, done };
  });
}

/** A database. One that is there already is adopted, with what is in it. */
export const database: Kind<DatabaseInputs, DatabaseInputs> = {
  replaceOn: ["name"],
  async explain(old, inputs, { host, info, preview }) {
    if (!preview || (await whyDown(host))) return;
    const found = await ask(host, ELSEWHERE, (client) => find(client, inputs.name), undefined);
    if (!found) return;
    if (!old) info(`database ${inputs.name} is there already: adopted with what is in it`);
    tell("will be run:", databaseChanges(found, inputs), info);
  },
  async create(inputs, operation) {
    if (!operation.preview) {
      const { adopted, done } = await put(inputs, operation);
      if (adopted) operation.info(`database ${inputs.name} was there already: adopted with what is in it`);
      if (adopted) tell("was run:", done, operation.info);
    }
    return { id: inputs.name, state: inputs };
  },
  async read(name, state, _inputs, { host, warn }) {
    const unknown: Found = { ...state, allowsConnections: true, isTemplate: false };
    const found = await ask(host, ELSEWHERE, (client) => find(client, name), unknown);
    if (!found) {
      warn(`database ${name} does not exist: it is made again, empty; with --refresh its schemas and extensions too`);
      return undefined;
    }
    return { name, owner: found.owner, connectionLimit: found.connectionLimit };
  },
  async update(_id, _old, inputs, operation) {
    if (!operation.preview) tell("was run:", (await put(inputs, operation)).done, operation.info);
    return inputs;
  },
  async delete(name, _state, { host }) {
    await withDatabase(host, ELSEWHERE, async (client) => {
      const found = await find(client, name);
      if (!found) return;
      if (found.isTemplate) await client.query(`ALTER DATABASE ${quoted(name)} IS_TEMPLATE false`);
      await client.query(`DROP DATABASE ${quoted(name)} WITH (FORCE)`);
    });
  },
};
