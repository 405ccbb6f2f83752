import type { Kind } from "../../kind";
import { ask, isNoDatabase } from "../../session";
import { newestVersion } from "../migrations/files/file-name";
import { explain } from "./report";
import { apply } from "./execute";
import { comparable } from "./reconcile";
import { readApplied } from "./catalog";
import { type AccessInputs, type AccessState, declaration } from "./inputs";
import { readComparison } from "./reconcile";

const union = (one: string[], other: string[]) => [...new Set([...one, ...other])].sort();

/** All privileges of one database, reconciled in one transaction. */
export const access: Kind<AccessInputs, AccessState> = {
  declaration,
  replaceOn: ["database"],
  notCompared: ["grants", "migrations", "dropSchemas"],
  // A removed role or schema needs an update of this resource; a new one, or migrations that were removed, do not.
  compared: (state, inputs) => ({
    ...state,
    migrated: inputs.migrated && state.migrated,
    roles: state.roles.every((role) => inputs.roles.includes(role)) ? inputs.roles : state.roles,
  }),
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await apply(inputs, undefined, operation);
    return { id: inputs.database, state };
  },
  async read(_id, state, inputs, { host, warn }) {
    // A new role needs no update of this resource, so the state gets it here.
    const known = { ...state, roles: union(state.roles, inputs.roles) };
    try {
      return await ask(
        host,
        inputs.database,
        async (client) => ({
          ...known,
          ...comparable(await readComparison(client, inputs), inputs, warn),
          migrated: inputs.migrations.length > 0 ? newestVersion(await readApplied(client)) : undefined,
        }),
        known,
      );
    } catch (error) {
      if (!isNoDatabase(error)) throw error;
      return undefined; // the resource Database reports it
    }
  },
  async update(_id, old, inputs, operation) {
    return operation.preview ? inputs : apply(inputs, old, operation);
  },
  // DROP DATABASE removes the privileges.
  delete: async () => undefined,
};
