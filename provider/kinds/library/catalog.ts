import type { Client } from "pg";
import { z } from "zod";
import { rowsOf, catalogQuery, type RowOf, readRows } from "../../catalog-query";
import { hasRelation } from "../../exists";
import { type LibraryName, type LibraryParts, LIBRARIES } from "./libraries";

export async function usersOf(client: Client, library: LibraryName): Promise<{ name: string; owner: string }[]> {
  const { users }: LibraryParts = LIBRARIES[library];
  return users ? rowsOf(client, { name: z.string(), owner: z.string() }, users) : [];
}

export const LIBRARY_OBJECTS = catalogQuery("library-objects", { kind: z.string(), object: z.string() });

export const LIBRARY_ROUTINES = catalogQuery("library-routines", {
  hash: z.string(),
  /** With their parameters, as a list in SQL; empty if there are none. */
  list: z.string(),
});

export async function routinesOf(client: Client, library: LibraryName): Promise<RowOf<typeof LIBRARY_ROUTINES>> {
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

export async function installed(client: Client, library: LibraryName): Promise<Installed | undefined> {
  if (!(await hasRelation(client, "pgwright.libraries"))) return undefined;
  return (await readRows(client, LIBRARY_INSTALLED, library))[0];
}
