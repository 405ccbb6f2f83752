import { hasRelation } from "../../exists";
import type { Kind } from "../../kind";
import { asOwner } from "../../run-role";
import { ask, isNoDatabase, isNoLibrary, withDatabase } from "../../session";
import { explain } from "./report";
import { put } from "./execute";
import { find, ownerOf } from "./catalog";
import { currentNames } from "./current-names";
import { type PartitionSetInputs, declaration } from "./inputs";

/** A set of partitions: a row of pgwright.partition_sets, whose partitions a cron job maintains. */
export const partitionSet: Kind<PartitionSetInputs, PartitionSetInputs> = {
  declaration,
  replaceOn: ["database", "parent"],
  currentNames,
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, operation);
    return { id: `${inputs.database}/${inputs.parent}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      const { database, parent } = state;
      const found = await ask(host, database, (client) => find(client, parent), state);
      return found && { ...found, database };
    } catch (error) {
      // Without the library or the database, the set does not exist.
      if (isNoDatabase(error) || isNoLibrary(error)) return undefined;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, operation);
  },
  // The table keeps its partitions and their rows.
  async delete(_id, { database, parent }, { host }) {
    await withDatabase(host, database, async (client) => {
      if (await hasRelation(client, parent))
        await asOwner(host, database, await ownerOf(client, parent), async (run) => {
          await run.query("SELECT pgwright.partition_copy_abandon($1)", [parent]);
        });
      await client.query("DELETE FROM pgwright.partition_sets WHERE parent = $1", [parent]);
    });
  },
};
