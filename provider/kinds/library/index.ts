import type { Client } from "pg";
import { z } from "zod";
import { readLibrary, readSql } from "../../../sql/read";
import { catalogQuery, readRows, rowsOf, type RowOf } from "../../catalog-query";
import { mustOwnSchema } from "../../connection";
import { hasRelation } from "../../exists";
import type { Kind, Operation } from "../../kind";
import { asOwner } from "../../run-role";
import { ask, isNoDatabase, withDatabase } from "../../session";
import { declaration, type LibraryInputs } from "./inputs";
import { LIBRARIES, type LibraryName, type LibraryParts } from "./libraries";

async function usersOf(client: Client, library: LibraryName): Promise<{ name: string; owner: string }[]> {
  const { users }: LibraryParts = LIBRARIES[library];
  return users ? rowsOf(client, { name: z.string(), owner: z.string() }, users) : [];
}

export const LIBRARY_OBJECTS = catalogQuery("library-objects", { kind: z.string(), object: z.string() });
export const LIBRARY_ROUTINES = catalogQuery("library-routines", {
  hash: z.string(),
  /** With their parameters, as a list in SQL; empty if there are none. */
  list: z.string(),
});

async function routinesOf(client: Client, library: LibraryName): Promise<RowOf<typeof LIBRARY_ROUTINES>> {
  const [found] = await readRows(client, LIBRARY_ROUTINES, LIBRARIES[library].objects);
  return found as RowOf<typeof LIBRARY_ROUTINES>; // an aggregate returns a row always
}

/** A row of pgwright.libraries. */
type Installed = RowOf<typeof LIBRARY_INSTALLED>;
export const LIBRARY_INSTALLED = catalogQuery("library-installed", {
  files: z.string(),
  routines: z.string(),
  /** Number of the last step of its tables. */
  version: z.number(),
});

async function installed(client: Client, library: LibraryName): Promise<Installed | undefined> {
  if (!(await hasRelation(client, "pgwright.libraries"))) return undefined;
  return (await readRows(client, LIBRARY_INSTALLED, library))[0];
}

/** The steps that tables of a version lack. Throws if a newer pgwright has changed the tables. */
export function missingSteps({ database, library }: LibraryInputs, steps: string[], version: number): string[] {
  if (version > steps.length)
    throw new Error(
      `database ${database}: the tables of library ${library} have version ${version}, and this pgwright knows versions up to ` +
        `${steps.length}; use the pgwright that installed them, or a newer one`,
    );
  return steps.slice(version);
}

/** Drops the routines, and the views that use them. */
async function dropRoutines(client: Client, library: LibraryName): Promise<void> {
  const { list } = await routinesOf(client, library);
  if (list !== "") await client.query(`DROP ROUTINE ${list} CASCADE`);
}

const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('libraries'))";

async function install(client: Client, inputs: LibraryInputs, { host, warn }: Operation): Promise<void> {
  const { database, library, files } = inputs;
  const { steps, code } = readLibrary(library);
  await client.query("BEGIN");
  await client.query(LOCK);
  await client.query(readSql("catalog/libraries.sql"));
  await mustOwnSchema(client);
  const missing = missingSteps(inputs, steps, (await installed(client, library))?.version ?? 0);
  // CREATE OR REPLACE cannot change the result type of a routine, and routines depend on the columns of the tables.
  await dropRoutines(client, library);
  for (const text of [...missing, ...code]) await client.query(text);
  const { isPublic, refresh }: LibraryParts = LIBRARIES[library];
  const { hash, list } = await routinesOf(client, library);
  // Explicitly, because the default privileges of a database may withhold EXECUTE from PUBLIC.
  if (isPublic) await client.query(`GRANT EXECUTE ON ROUTINE ${list} TO PUBLIC`);
  await client.query(
    `INSERT INTO pgwright.libraries (name, files, routines, version) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET files = $2, routines = $3, version = $4, installed_at = now()`,
    [library, files, hash, steps.length],
  );
  await client.query("COMMIT");
  // One by one and after the commit: each update waits for running jobs, which must not wait for this transaction.
  for (const { name, owner } of refresh ? await usersOf(client, library) : []) {
    const run = (session: Client) => session.query(refresh as string, [name]);
    await asOwner(host, database, owner, run).catch((error: Error) =>
      warn(`${name} was not updated to the new library ${library}: ${error.message}`),
    );
  }
}

/** Drops the shared objects of all libraries, after the last one. */
async function dropShared(client: Client): Promise<void> {
  const left = await rowsOf(client, {}, "SELECT FROM pgwright.libraries");
  if (left.length > 0) return;
  await client.query("DROP TABLE pgwright.libraries");
  await client.query("SAVEPOINT shared");
  // The schema stays if the ledger of migrations is in it.
  await client.query("DROP SCHEMA pgwright").catch((error: { code?: string }) => {
    if (error.code !== "2BP01") throw error;
    return client.query("ROLLBACK TO shared");
  });
}

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
