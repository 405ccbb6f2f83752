import type { StackInput } from "../../../config/stack";

type DatabaseInput = NonNullable<StackInput["databases"]>[string];
type Sets = NonNullable<DatabaseInput["partitions"]>["sets"];

/**
 * Database app, whose partitions role keeper maintains. The job runs once a year, so not during a test. `more`: other keys of the
 * database.
 */
export const keeperStack = (
  more: Omit<DatabaseInput, "owner" | "partitions"> = {},
  sets: Sets = {},
): Required<Pick<StackInput, "roles" | "databases">> => ({
  roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] } },
  databases: {
    app: {
      owner: "owner",
      schemas: { data: {} },
      grants: { keeper: { database: ["CONNECT"] } },
      ...more,
      partitions: { role: "keeper", schedule: "0 0 1 1 *", sets },
    },
  },
});

/** Migrations that make data.events, data.logs, data.tenants and data.users. */
export const MIGRATIONS = { folder: "test/integration/partitions/migrations" };
