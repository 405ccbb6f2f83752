import { z } from "zod";
import { rowsOf } from "./catalog-query";
import type { Host } from "./host";
import { ask } from "./session";

/** Parameters that name an object of a catalog: a throwaway server does not have the objects of the databases. */
const OF_CATALOG = [
  "default_text_search_config",
  "default_tablespace",
  "temp_tablespaces",
  "default_table_access_method",
];

/** Throws if a database of the running server lacks the object that a changed parameter names. */
export async function mustSuitDatabases(host: Host, parameters: Record<string, string>, changed: string[]) {
  const names = changed.filter((name) => OF_CATALOG.includes(name) && (parameters[name] ?? "") !== "");
  if (names.length === 0 || !(await host.inspect())?.running) return;
  const databases = await ask(
    host,
    "postgres",
    async (client) => {
      const rows = await rowsOf(
        client,
        { name: z.string() },
        "SELECT datname AS name FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname",
      );
      return rows.map(({ name }) => name);
    },
    [] as string[],
  );
  for (const parameter of names) {
    const value = parameters[parameter];
    const problems = await Promise.all(databases.map((database) => problemIn(host, database, parameter, value)));
    const refusing = databases.filter((_, i) => problems[i] !== undefined);
    if (refusing.length > 0)
      throw new Error(
        `server.settings: ${parameter} = ${value} is invalid in database ${refusing.join(", ")}: ${problems.find(Boolean)}; ` +
          "create the object there, or set the parameter for a role",
      );
  }
}

function problemIn(host: Host, database: string, parameter: string, value: string | undefined) {
  return ask(
    host,
    database,
    async (client) => {
      try {
        await client.query("SELECT pg_catalog.set_config($1, $2, true)", [parameter, value]);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    },
    undefined,
  );
}
