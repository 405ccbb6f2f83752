import type { Client } from "pg";
import { readLibrary, readSql } from "../../sql/read";
import type { Kind } from "../kind";
import { ask, isNoDatabase, withDatabase } from "../session";

export interface LibraryInputs {
  database: string;
  /** Folder of sql/functions. */
  library: LibraryName;
  /** Hash of its files; of what is installed, or what is wrong with that. */
  files: string;
}

/** The libraries: the names of their routines as a regular expression, and their tables. */
const LIBRARIES = {
  backups: {
    routines: "^backup",
    tables: ["backup_report", "backup_sizes", "backup_runs", "drill_marks", "restore_drills", "restore_drill_checks"],
  },
  partitions: {
    routines: "^(maintain_)?partition",
    tables: ["partition_copies", "partitions_known", "partition_sets"],
  },
} as const;
export type LibraryName = keyof typeof LIBRARIES;

async function routines(client: Client, library: LibraryName): Promise<string> {
  const { rows } = await client.query<{ hash: string }>(readSql("catalog/library-routines.sql"), [
    LIBRARIES[library].routines,
  ]);
  return rows[0]?.hash ?? "";
}

async function installed(client: Client, library: LibraryName): Promise<string | undefined> {
  const { rows: there } = await client.query("SELECT to_regclass('pgwright.libraries') IS NOT NULL AS is");
  if (!there[0].is) return undefined;
  const { rows } = await client.query<{ files: string; routines: string }>(
    "SELECT files, routines FROM pgwright.libraries WHERE name = $1",
    [library],
  );
  const [found] = rows;
  if (!found) return undefined;
  return found.routines === (await routines(client, library)) ? found.files : "changed by hand";
}

/** Takes the routines away, and the views that use them. */
async function dropRoutines(client: Client, library: LibraryName): Promise<void> {
  const { rows } = await client.query<{ routine: string }>(
    `SELECT p.oid::regprocedure::text AS routine FROM pg_proc AS p
     WHERE p.pronamespace = to_regnamespace('pgwright') AND p.proname ~ $1`,
    [LIBRARIES[library].routines],
  );
  for (const { routine } of rows) await client.query(`DROP ROUTINE IF EXISTS ${routine} CASCADE`);
}

async function install(client: Client, { library, files }: LibraryInputs): Promise<void> {
  await client.query("BEGIN");
  await client.query("SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('libraries'))");
  await client.query(readSql("catalog/libraries.sql"));
  // A routine whose result has changed cannot be replaced.
  await dropRoutines(client, library);
  for (const text of Object.values(readLibrary(library))) await client.query(text);
  await client.query(
    `INSERT INTO pgwright.libraries (name, files, routines) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET files = $2, routines = $3, installed_at = now()`,
    [library, files, await routines(client, library)],
  );
  await client.query("COMMIT");
}

/** SQL functions of pgwright in a database, in schema pgwright. */
export const library: Kind<LibraryInputs, LibraryInputs> = {
  replaceOn: ["database", "library"],
  async create(inputs, { host, preview }) {
    if (!preview) await withDatabase(host, inputs.database, (client) => install(client, inputs));
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
  async update(_id, _old, inputs, { host, preview }) {
    if (!preview) await withDatabase(host, inputs.database, (client) => install(client, inputs));
    return inputs;
  },
  async delete(_id, state, { host }) {
    await withDatabase(host, state.database, async (client) => {
      await client.query("BEGIN");
      await dropRoutines(client, state.library);
      for (const table of LIBRARIES[state.library].tables)
        await client.query(`DROP TABLE IF EXISTS pgwright.${table} CASCADE`);
      await client.query("DELETE FROM pgwright.libraries WHERE name = $1", [state.library]);
      await client.query("COMMIT");
    });
  },
};
