import * as pulumi from "@pulumi/pulumi";
import { Postgres } from "pgwright/components/postgres";
import { parseStack } from "pgwright/config/parse";

// The same keys as in a stack file, checked in the same way; defaults are filled in.
const stack = parseStack({
  server: { port: 15778, memory: "1GB", workload: "web" },
  roles: { shop_owner: {}, shop_app: { login: true } },
  databases: {
    shop: {
      owner: "shop_owner",
      schemas: { shop: {}, extensions: {} },
      extensions: { vector: { schema: "extensions" } },
      migrations: { folder: "migrations" },
      grants: {
        shop_app: {
          database: ["CONNECT"],
          schemas: { shop: { schema: ["USAGE"], tables: ["SELECT", "INSERT"] } },
        },
      },
    },
  },
});

// The name is also that of the container, the network and the volumes.
const postgres = new Postgres("shop-db", stack);

const password = postgres.passwords.apply((all) => encodeURIComponent(all.shop_app ?? ""));
export const url = pulumi.interpolate`postgresql://shop_app:${password}@${postgres.host}:${postgres.port}/shop`;
export const version = postgres.version;
