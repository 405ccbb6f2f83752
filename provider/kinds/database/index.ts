import { escapeIdentifier as quoted } from "pg";
import type { Kind } from "../../kind";
import { setRestorePoint } from "../../restore-point";
import { ask, withDatabase } from "../../session";
import { SqlFileError } from "../../sql-file";
import { explain, warnIgnoredCopy, reportStatements } from "./report";
import { createOrAlter } from "./execute";
import { find } from "./catalog";
import { type DatabaseInputs, declaration, MAINTENANCE_DATABASE } from "./inputs";
import { parseMasks } from "./mask";
import { type Found, onlyAsciiProblem } from "./statements";

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
