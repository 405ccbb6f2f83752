import { readLibrary } from "../../../sql/read";
import { readRows } from "../../catalog-query";
import type { Kind } from "../../kind";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { installed, routinesOf, usersOf, LIBRARY_OBJECTS } from "./catalog";
import { missingSteps } from "./compare";
import { install, LOCK, dropRoutines, dropShared } from "./execute";
import { type LibraryInputs, declaration } from "./inputs";
import { LIBRARIES } from "./libraries";

/** SQL functions of pgwright in a database, in schema pgwright. */
export const library: Kind<LibraryInputs, LibraryInputs> = {
  declaration,
  replaceOn: ["database", "library"],
  async explain(_old, inputs, { host, preview }) {
    if (!preview) return; // install() looks again, under its lock
    const { database, library: name } = inputs;
    try {
      const found = await ask(host, database, (client) => installed(client, name), undefined);
      missingSteps(inputs, readLibrary(name).steps, found?.version ?? 0);
    } catch (error) {
      if (!isNoDatabase(error)) throw error;
    }
  },
  async create(inputs, operation) {
    const { host, preview } = operation;
    if (!preview) await withDatabase(host, inputs.database, (client) => install(client, inputs, operation));
    return { id: `${inputs.database}/${inputs.library}`, state: inputs };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      const { database, library: name } = state;
      return await ask(
        host,
        database,
        async (client) => {
          const found = await installed(client, name);
          if (!found) return undefined;
          const unchanged = found.routines === (await routinesOf(client, name)).hash;
          return { ...state, files: unchanged ? found.files : "changed outside of pgwright" };
        },
        state,
      );
    } catch (error) {
      if (isNoDatabase(error)) return undefined;
      throw error;
    }
  },
  async update(_id, _old, inputs, operation) {
    const { host, preview } = operation;
    if (!preview) await withDatabase(host, inputs.database, (client) => install(client, inputs, operation));
    return inputs;
  },
  async delete(_id, state, { host }) {
    await withDatabase(host, state.database, async (client) => {
      await client.query("BEGIN");
      await client.query(LOCK);
      const users = await usersOf(client, state.library);
      if (users.length > 0)
        throw new Error(
          `the library ${state.library} of ${state.database} is still used by ${users.map(({ name }) => name).join(", ")}; ` +
            "drop these first",
        );
      await dropRoutines(client, state.library);
      const objects = await readRows(client, LIBRARY_OBJECTS, LIBRARIES[state.library].objects);
      for (const { kind, object } of objects) await client.query(`DROP ${kind} IF EXISTS ${object} CASCADE`);
      await client.query("DELETE FROM pgwright.libraries WHERE name = $1", [state.library]);
      await dropShared(client);
      await client.query("COMMIT");
    });
  },
};
