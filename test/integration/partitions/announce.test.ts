import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Newcomers } from "../newcomers";
import { InProcessStack } from "../in-process-stack";

describe("partitions that are made while sessions begin", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { cronDatabase: "app", memory: "1GB", connections: 40 },
      passwords: { keeper: "keeper's password" },
      roles: { owner: {}, keeper: { login: true, memberOf: ["owner"] } },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {} },
          grants: { keeper: { database: ["CONNECT"] } },
          partitions: { role: "keeper", schedule: "0 0 1 1 *", sets: {} },
        },
      },
    });
    await stack.up();
  });
  afterAll(() => stack?.dispose());

  it("are known to all of them", async () => {
    stack.sql(
      "app",
      `SET ROLE owner; CREATE TABLE data.numbers (n bigint NOT NULL) PARTITION BY RANGE (n); RESET ROLE;
       INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, start, maintainer)
       VALUES ('data.numbers', 'integer', '1', 150, '0', 'keeper')`,
    );
    const connect = () => stack.connect("keeper", "keeper's password", "app");
    const keeper = await connect();
    await keeper.query("SET client_min_messages = warning");
    const maintain = () => keeper.query("CALL pgwright.maintain_partitions(now(), 'data.numbers')");
    const newest = async () =>
      Number(
        (
          await keeper.query(
            "SELECT max(lower_position) AS n FROM pgwright.partition_bounds('data.numbers', 'integer')",
          )
        ).rows[0].n,
      );
    const another = () =>
      stack.sql("app", "INSERT INTO data.numbers SELECT coalesce(max(n), -1) + 1 FROM data.numbers");
    await maintain();
    another();
    await maintain();
    const newcomers = new Newcomers(connect, "SELECT count(*) FROM data.numbers");
    for (let n = 0; n < 15; n += 1) {
      const next = (await newest()) + 1;
      another(); // so the set goes on by one
      const make = async () => {
        await maintain();
        await keeper.query("INSERT INTO data.numbers VALUES ($1)", [next]);
      };
      const seen = await newcomers.during(make, `SELECT count(*) FROM data.numbers WHERE n = ${next}`);
      expect(seen).toEqual(seen.map(() => "1"));
      await keeper.query(`DELETE FROM data.numbers WHERE n = ${next}`);
    }
    await keeper.end();
  });
});
