import type { Client } from "pg";
import { escapeIdentifier as quoted } from "pg";
import { readRows } from "../../catalog-query";
import { differences, type Kind, type Operation } from "../../kind";
import { whyDown } from "../../readiness";
import { setRestorePoint } from "../../restore-point";
import { ask, withDatabase } from "../../session";
import { SqlFileError } from "../../sql-file";
import { explainCopy, makeCopy } from "./copy";
import { declaration, isCopy, MAINTENANCE_DATABASE, type DatabaseInputs } from "./inputs";
import { parseMasks } from "./mask";
import { DATABASE, databaseChanges, onlyAsciiProblem, type Found } from "./statements";

async function find(client: Client, name: string): Promise<Found | undefined> {
  return (await readRows(client, DATABASE, name))[0];
}

function reportStatements(title: string, statements: string[], info: Operation["info"]): void {
  if (statements.length > 0) info(title, ...statements.map((each) => `${each};`));
}

/** Warns that copyOf has no effect on an existing database, if it was added or changed. */
function warnIgnoredCopy(old: DatabaseInputs | undefined, { name, copyOf }: DatabaseInputs, { warn }: Operation): void {
  if (differences(old?.copyOf, copyOf).length === 0) return;
  warn(
    `database ${name}: copyOf has no effect, because the database already exists; to recreate it and lose its contents, ` +
      "remove it from the stack file for one update",
  );
}

async function createOrAlter(
  inputs: DatabaseInputs,
  operation: Operation,
): Promise<{ adopted: boolean; done: string[] }> {
  const { host } = operation;
  const [found, template] = await withDatabase(host, MAINTENANCE_DATABASE, async (client) => [
    await find(client, inputs.name),
    await find(client, "template0"),
  ]);
  if (!found && isCopy(inputs)) {
    await makeCopy(inputs, operation);
    return { adopted: false, done: [] };
  }
  const done = databaseChanges(found, inputs, template);
  await withDatabase(host, MAINTENANCE_DATABASE, async (client) => {
    for (const statement of done) await client.query(statement); // CREATE DATABASE cannot run inside a transaction
  });
  return { adopted: found !== undefined, done };
}

async function explain(old: DatabaseInputs | undefined, inputs: DatabaseInputs, operation: Operation): Promise<void> {
  const { host, info, preview } = operation;
  if (!preview) return;
  const down = (await whyDown(host)) !== undefined;
  const found = down
    ? undefined
    : await ask(host, MAINTENANCE_DATABASE, (client) => find(client, inputs.name), undefined);
  if (!found) {
    if (isCopy(inputs) && !(old && down)) await explainCopy(inputs, down, operation);
    return;
  }
  if (!old) info(`database ${inputs.name} already exists; the update adopts it with its contents`);
  warnIgnoredCopy(old, inputs, operation);
  reportStatements("will be run:", databaseChanges(found, inputs), info);
}

/** A database. An existing one is adopted with its contents. */
export const database: Kind<DatabaseInputs, DatabaseInputs> = {
  declaration,
  replaceOn: ["name"],
  notCompared: ["copying"],
  async check({ copyOf }) {
    try {
      await parseMasks(copyOf?.run ?? []);
      return [];
    } catch (error) {
      if (error instanceof SqlFileError) return [{ property: "copyOf.run", reason: error.message }];
      throw error;
    }
  },
  explain,
  async create(inputs, operation) {
    if (!operation.preview) {
      const { adopted, done } = await createOrAlter(inputs, operation);
      if (adopted) {
        operation.info(`database ${inputs.name} already exists; adopted with its contents`);
        warnIgnoredCopy(undefined, inputs, operation);
        reportStatements("was run:", done, operation.info);
      }
    }
    return { id: inputs.name, state: inputs };
  },
  async read(name, state, { copyOf }, { host, warn }) {
    const unknown: Found = { ...state, allowsConnections: true, isTemplate: false, onlyAscii: false };
    const found = await ask(host, MAINTENANCE_DATABASE, (client) => find(client, name), unknown);
    if (!found) {
      const contents = copyOf ? `as a copy of ${copyOf.database}` : "empty";
      warn(
        `database ${name} does not exist; the update recreates it ${contents}, and with --refresh its schemas and extensions too`,
      );
      return undefined;
    }
    if (found.onlyAscii) warn(onlyAsciiProblem(name));
    return { ...state, owner: found.owner, connectionLimit: found.connectionLimit };
  },
  async update(_id, _old, inputs, operation) {
    if (!operation.preview) reportStatements("was run:", (await createOrAlter(inputs, operation)).done, operation.info);
    return inputs;
  },
  async delete(name, _state, { host, info }) {
    await withDatabase(host, MAINTENANCE_DATABASE, async (client) => {
      const found = await find(client, name);
      if (!found) return;
      await setRestorePoint(client, `drop of database ${name}`, info);
      if (found.isTemplate) await client.query(`ALTER DATABASE ${quoted(name)} IS_TEMPLATE false`);
      await client.query(`DROP DATABASE ${quoted(name)} WITH (FORCE)`);
    });
  },
};
