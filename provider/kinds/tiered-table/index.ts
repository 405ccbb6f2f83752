import { z } from "zod";
import { writeObjectName } from "../../../config/object-name";
import { rowsOf } from "../../catalog-query";
import type { Kind } from "../../kind";
import { asOwner } from "../../run-role";
import { setRestorePoint } from "../../restore-point";
import { ask, isNoDatabase, sqlState, withDatabase, isNoLibrary } from "../../session";
import { explain } from "./report";
import { put } from "./execute";
import { find } from "./catalog";
import { keepDeclaredSpelling } from "./compare";
import { type TieredTableInputs, declaration } from "./inputs";

/** A tiered table: a view over tables, between which jobs of the library move rows. */
export const tieredTable: Kind<TieredTableInputs, TieredTableInputs> = {
  declaration,
  // No replaceOn: a replacement would drop the rows. `explain` refuses changes that need another set.
  explain,
  async create(inputs, operation) {
    const state = operation.preview ? inputs : await put(inputs, operation);
    return { id: `${inputs.database}/${writeObjectName(inputs)}`, state };
  },
  async read(_id, state, _inputs, { host }) {
    const { database } = state;
    try {
      return await ask<TieredTableInputs | undefined>(
        host,
        database,
        async (client) => {
          const found = await find(client, state);
          return (
            found && {
              ...state,
              config: keepDeclaredSpelling(state, found.config, found.meant),
              problems: found.problems,
            }
          );
        },
        state,
      );
    } catch (error) {
      // Without its schema, the set does not exist.
      if (isNoDatabase(error) || sqlState(error) === "3F000") return undefined;
      // Functions are missing: the resource of the library reports and repairs that.
      if (sqlState(error) === "42883") return state;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    return operation.preview ? inputs : put(inputs, operation);
  },
  async delete(_id, { database, schema, name, onRemove }, { host, info }) {
    try {
      const table = writeObjectName({ schema, name });
      await withDatabase(host, database, async (client) => {
        if (onRemove !== "keep") await setRestorePoint(client, `drop of ${table}`, info);
        const [set] = await rowsOf(
          client,
          { owner: z.string() },
          "SELECT (pgwright.tiers_load($1, $2)).owner_name AS owner",
          [schema, name],
        );
        const drop = "SELECT pgwright.tiers_drop($1, $2, $3)";
        await asOwner(host, database, set?.owner ?? "", (run) => run.query(drop, [schema, name, onRemove === "keep"]));
      });
      info(
        onRemove === "keep" ? `the rows of ${table} stay in a partitioned table of this name` : `${table} was dropped`,
      );
    } catch (error) {
      // Already dropped.
      if (!isNoDatabase(error) && !isNoLibrary(error) && sqlState(error) !== "42704") throw error;
    }
  },
};
