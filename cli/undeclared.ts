import { z } from "zod";
import { catalogQuery, readRows, type CatalogQuery } from "../provider/catalog-query";
import { connect } from "../provider/connection";
import type { Host } from "../provider/host";
import type { Undeclared } from "../report/drift";
import type { Deployment } from "./project";

const COLUMNS = { kind: z.string(), name: z.string(), what: z.string() };
export const UNDECLARED_SERVER = catalogQuery("undeclared-server", COLUMNS);
export const UNDECLARED_DATABASE = catalogQuery("undeclared-database", COLUMNS);
export const UNDECLARED_JOBS = catalogQuery("undeclared-jobs", COLUMNS);

interface Outputs {
  name: string;
  database: string;
  job: string;
  cronDatabase: string;
}

/** The outputs of all resources of a type in the state. */
function declared({ resources = [] }: Deployment, type: string): Outputs[] {
  return resources.flatMap((each) => (each.type === type ? [(each.outputs ?? {}) as unknown as Outputs] : []));
}

/** Finds the objects of a server that its stack does not declare. */
export async function findUndeclared(host: Host, deployment: Deployment): Promise<Undeclared[]> {
  const ask = async (
    database: string,
    query: CatalogQuery<typeof COLUMNS>,
    ...names: string[][]
  ): Promise<Undeclared[]> => {
    const client = await connect(host, database);
    try {
      const rows = await readRows(client, query, ...names);
      return rows.map((row) => ({ ...row, database: query === UNDECLARED_SERVER ? undefined : database }));
    } finally {
      await client.end();
    }
  };
  const names = (type: string) => declared(deployment, type).map(({ name }) => name);
  const within = (type: string, database: string) =>
    declared(deployment, type).flatMap((each) => (each.database === database ? [each.name] : []));
  const databases = names("pgwright:index:Database");
  const jobs = declared(deployment, "pgwright:index:CronJob");
  const found = [
    await ask(
      "postgres",
      UNDECLARED_SERVER,
      names("pgwright:index:Role"),
      databases,
      declared(deployment, "pgwright:index:VectorIndex").map(({ database }) => database),
    ),
    ...(await Promise.all(
      databases.map((database) =>
        ask(
          database,
          UNDECLARED_DATABASE,
          within("postgresql:index/schema:Schema", database),
          within("postgresql:index/extension:Extension", database),
        ),
      ),
    )),
    ...(jobs[0]
      ? [
          await ask(
            jobs[0].cronDatabase,
            UNDECLARED_JOBS,
            jobs.map(({ job }) => job),
          ),
        ]
      : []),
  ];
  return found.flat();
}
