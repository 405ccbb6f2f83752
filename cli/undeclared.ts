import { connect } from "../provider/connection";
import type { Host } from "../provider/host";
import type { Undeclared } from "../report/drift";
import { readSql } from "../sql/read";
import type { Deployment } from "./project";

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
  const ask = async (database: string, file: string, ...names: string[][]): Promise<Undeclared[]> => {
    const client = await connect(host, database);
    try {
      const { rows } = await client.query<Omit<Undeclared, "database">>(readSql(`catalog/${file}.sql`), names);
      return rows.map((row) => ({ ...row, database: file === "undeclared-server" ? undefined : database }));
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
      "undeclared-server",
      names("pgwright:index:Role"),
      databases,
      declared(deployment, "pgwright:index:VectorIndex").map(({ database }) => database),
    ),
    ...(await Promise.all(
      databases.map((database) =>
        ask(
          database,
          "undeclared-database",
          within("postgresql:index/schema:Schema", database),
          within("postgresql:index/extension:Extension", database),
        ),
      ),
    )),
    ...(jobs[0]
      ? [
          await ask(
            jobs[0].cronDatabase,
            "undeclared-jobs",
            jobs.map(({ job }) => job),
          ),
        ]
      : []),
  ];
  return found.flat();
}
