import { escapeIdentifier as quoted } from "pg";
import { rowsOf } from "../../catalog-query";
import type { Kind } from "../../kind";
import { endSessions, retire } from "../access/removals";
import { explain, reportStatements } from "./report";
import { createOrAlter, runInTurn, mustBeFree, HEIR } from "./execute";
import { facts } from "./catalog";
import { compared, observed } from "./compare";
import { type RoleInputs, type RoleState, declaration } from "./inputs";

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
