import * as postgresql from "@pulumi/postgresql";
import { beforeAll, expect, it } from "vitest";
import { Database } from "../../components/database";
import { parseStack } from "../../config/parse";
import { formatGrants } from "../../provider/kinds/access/grant";
import { Provider } from "../../provider/resources";
import { differing } from "./differing";
import { mockResources, settled } from "./mocked-resources";

const { roles, databases } = parseStack({
  roles: { owner: {}, app: { login: true } },
  databases: {
    shop: {
      owner: "owner",
      schemas: { data: {} },
      dropSchemas: ["old"],
      migrations: { folder: "sql/solo/migrations" },
      grants: {
        app: { database: ["CONNECT"], schemas: { data: { schema: ["USAGE"], tables: ["SELECT", "INSERT"] } } },
      },
    },
    plain: { owner: "owner" },
  },
});

let inputs: Record<string, Record<string, unknown>>;

beforeAll(async () => {
  inputs = await mockResources();
  const pgwright = new Provider("pgwright", { container: "c" });
  const postgres = new postgresql.Provider("postgres", {});
  for (const name of ["shop", "plain"]) {
    const args = { ...databases[name]!, roles, after: [], holdsCron: false, pgwright, postgres, protect: false };
    const database = new Database(name, args);
    await Promise.all(database.ready.map(({ urn }) => settled(urn)));
  }
});

it("Migrations has the declared privileges and nothing else of Access", () => {
  const { access } = inputs["Migrations shop"] as { access: object };
  const { dropSchemas, migrations, migrated, privileges, ...declared } = inputs["Access shop"]!;
  expect(access).toEqual(declared);
  expect(dropSchemas).toEqual(["old"]);
  expect(migrations).toContain(migrated);
  expect(privileges).toEqual({
    "app: database": "CONNECT",
    "app: schema data": "USAGE",
    "app: all tables in data": "INSERT, SELECT",
  });
  expect(privileges).toEqual(formatGrants(declared.grants as never));
});

it("Access waits for no migration in a database without any", () => {
  expect(inputs["Access plain"]).toMatchObject({ migrations: [], privileges: {} });
  expect(inputs["Access plain"]).not.toHaveProperty("migrated");
});

it("Migrations has no difference to a state of an earlier version, which had all inputs of Access", async () => {
  const now = inputs["Migrations shop"]!;
  const earlier = { ...now, access: inputs["Access shop"] };
  expect(await differing("Migrations", earlier, earlier, now)).toEqual([]);
});
