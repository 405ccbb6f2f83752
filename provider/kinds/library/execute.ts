import type { Client } from "pg";
import { readLibrary, readSql } from "../../../sql/read";
import { rowsOf } from "../../catalog-query";
import { mustOwnSchema } from "../../connection";
import type { Operation } from "../../kind";
import { asOwner } from "../../run-role";
import { routinesOf, installed, usersOf } from "./catalog";
import { missingSteps } from "./compare";
import type { LibraryInputs } from "./inputs";
import { type LibraryName, type LibraryParts, LIBRARIES } from "./libraries";

/** Drops the routines, and the views that use them. */
export async function dropRoutines(client: Client, library: LibraryName): Promise<void> {
  const { list } = await routinesOf(client, library);
  if (list !== "") await client.query(`DROP ROUTINE ${list} CASCADE`);
}

export const LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgwright'), hashtext('libraries'))";

export async function install(client: Client, inputs: LibraryInputs, { host, warn }: Operation): Promise<void> {
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
export async function dropShared(client: Client): Promise<void> {
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
