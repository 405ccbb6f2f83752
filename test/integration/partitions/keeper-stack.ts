import type { StackInput } from "../../../config/stack";

/** Database app, whose partitions role keeper maintains. The job runs once a year, so not during a test. */
export const keeperStack = (schemas = ["data"]): Required<Pick<StackInput, "roles" | "databases">> => ({
  roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] } },
  databases: {
    app: {
      owner: "owner",
      schemas: Object.fromEntries(schemas.map((schema) => [schema, {}])),
      grants: { keeper: { database: ["CONNECT"] } },
      partitions: { role: "keeper", schedule: "0 0 1 1 *", sets: {} },
    },
  },
});
