import type { Client } from "pg";
import { z } from "zod";
import { readLibrary, readSql } from "../../sql/read";
import { catalogQuery, readRows } from "../catalog-query";
import { mustOwnSchema } from "../connection";
import type { Kind, Operation } from "../kind";
import { asOwner } from "../run-role";
import { ask, isNoDatabase, withDatabase } from "../session";

export interface LibraryInputs {
  database: string;
  /** Folder of sql/functions. */
  library: LibraryName;
  /** Hash of its files; in the state, the hash of the installed files, or why they differ from them. */
  files: string;
}

interface LibraryParts {
  /** Names of its routines, as a regular expression. */
  routines: string;
  tables: string[];
  types?: string[];
  /** Query of the objects that need the library, by name and owner: it cannot be dropped before them. */
  users?: string;
  /** A query that updates one of these objects, run as its owner after the library was changed. */
  refresh?: string;
}

const LIBRARIES = {
  backups: {
    routines: "^backup",
    tables: ["backup_report", "backup_sizes", "backup_runs", "drill_marks", "restore_drills", "restore_drill_checks"],
  },
  partitions: {
    routines: "^(maintain_)?partition",
    tables: ["partition_archives", "partition_copies", "partitions_known", "partition_sets"],
  },
  privileges: { routines: "^privileges_", tables: ["privileges_suspended", "privileges_commands"] },
  tiers: {
    routines: "^tiers_",
    tables: ["tiers_sets"],
    users:
      "SELECT format('%I.%I', schema_name, set_name) AS name, owner_name AS owner FROM pgwright.tiers_sets ORDER BY 1",
    // The library generates views, triggers and procedures of each set.
    refresh:
      "SELECT pgwright.tiers_alter(config) FROM pgwright.tiers_sets WHERE format('%I.%I', schema_name, set_name) = $1",
  },
  vectors: {
    routines: "^(measure_vectors|vector_)",
    tables: ["vector_builds", "vector_measurements", "vector_settings", "vector_indexes"],
    types: ["vector_query"],
  },
} as const satisfies Record<string, LibraryParts>;
export type LibraryName = keyof typeof LIBRARIES;

async function usersOf(client: Client, library: LibraryName): Promise<{ name: string; owner: string }[]> {
  const { users }: LibraryParts = LIBRARIES[library];
  return users ? (await client.query<{ name: string; owner: string }>(users)).rows : [];
}

export const LIBRARY_ROUTINES = catalogQuery("library-routines", { hash: z.string() });

async function routines(client: Client, library: LibraryName): Promise<string> {
  const [found] = await readRows(client, LIBRARY_ROUTINES, LIBRARIES[library].routines);
  return found?.hash ?? "";
}

async function installed(client: Client, library: LibraryName): Promise<string | undefined> {
  const { rows: exists } = await client.query("SELECT to_regclass('pgwright.libraries') IS NOT NULL AS is");
  if (!exists[0].is) return undefined;
  const { rows } = await client.query<{ files: string; routines: string }>(
    "SELECT files, routines FROM pgwright.libraries WHERE name = $1",
    [library],
  );
  const [found] = rows;
  if (!found) return undefined;
  return found.routines === (await routines(client, library)) ? found.files : "changed outside of pgwright";
}

/** Drops the routines, and the views that use them. */
async function dropRoutines(client: Client, library: LibraryName): Promise<void> {
  const { rows } = await client.query<{ routine: string }>(
    `SELECT p.oid::regprocedure::text AS routine FROM pg_proc AS p
     WHERE p.pronamespace = to_regnamespace('pgwright') AND p.proname ~ $1`,
    [LIBRARIES[library].routines],
  );
  for (const { routine } of rows) await client.query(`DROP ROUTINE IF EXISTS ${routine} CASCADE`);
}

const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('libraries'))";

async function install(
  client: Client,
  { database, library, files }: LibraryInputs,
  { host, warn }: Operation,
): Promise<void> {
  await client.query("BEGIN");
  await client.query(LOCK);
  await client.query(readSql("catalog/libraries.sql"));
  await mustOwnSchema(client);
  // CREATE OR REPLACE cannot change the result type of a routine.
  await dropRoutines(client, library);
  for (const text of Object.values(readLibrary(library))) await client.query(text);
  await client.query(
    `INSERT INTO pgwright.libraries (name, files, routines) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET files = $2, routines = $3, installed_at = now()`,
    [library, files, await routines(client, library)],
  );
  await client.query("COMMIT");
  // One by one and after the commit: each update waits for running jobs, which must not wait for this transaction.
  const { refresh }: LibraryParts = LIBRARIES[library];
  for (const { name, owner } of refresh ? await usersOf(client, library) : []) {
    const run = (session: Client) => session.query(refresh as string, [name]);
    await asOwner(host, database, owner, run).catch((error: Error) =>
      warn(`${name} was not updated to the new library ${library}: ${error.message}`),
    );
  }
}

/** Drops the shared objects of all libraries, after the last one. */
async function dropShared(client: Client): Promise<void> {
  const { rows } = await client.query("SELECT NOT EXISTS (SELECT FROM pgwright.libraries) AS last");
  if (!rows[0].last) return;
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
  replaceOn: ["database", "library"],
  async create(inputs, operation) {
    const { host, preview } = operation;
    if (!preview) await withDatabase(host, inputs.database, (client) => install(client, inputs, operation));
    return { id: `${inputs.database}/${inputs.library}`, state: inputs };
  },
  async read(_id, state, _inputs, { host }) {
    try {
      const files = await ask(host, state.database, (client) => installed(client, state.library), state.files);
      return files === undefined ? undefined : { ...state, files };
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
      for (const table of LIBRARIES[state.library].tables)
        await client.query(`DROP TABLE IF EXISTS pgwright.${table} CASCADE`);
      const { types = [] }: LibraryParts = LIBRARIES[state.library];
      for (const type of types) await client.query(`DROP TYPE IF EXISTS pgwright.${type}`);
      await client.query("DELETE FROM pgwright.libraries WHERE name = $1", [state.library]);
      await dropShared(client);
      await client.query("COMMIT");
    });
  },
};
