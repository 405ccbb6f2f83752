import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Newcomers } from "../newcomers";
import { EVENTS, TiersServer } from "./server";

describe("partitions that are made while sessions begin", () => {
  let server: TiersServer;
  beforeAll(async () => {
    server = await TiersServer.start();
    server.create(EVENTS);
    server.sql("GRANT SELECT ON data.events TO writer");
  });
  afterAll(() => server.stop());

  it("are known to all of them before rows move there", async () => {
    const owner = await server.connect("owner");
    const at = (n: number) => new Date(Date.UTC(2040, 0, 1) + n * 600_000).toISOString();
    const maintain = () => owner.query(`CALL pgwright.tiers_partition_maintenance('data', 'events', '${at(0)}')`);
    /** Rows in so many ranges of ten minutes, each a partition. */
    const write = async (from: number, to: number) => {
      for (let n = from; n < to; n += 1)
        await owner.query("INSERT INTO data.events (id, at) VALUES ($1, $2)", [n, at(n)]);
      const active = () => server.sql("SELECT relation FROM data.events_tables WHERE state = 'active'");
      const before = active();
      while (active() === before) await owner.query("CALL data.events_roll_wa()");
    };
    const newcomers = new Newcomers(() => server.connect("writer"), "SELECT count(*) FROM data.events");
    // The longer the list, the longer it is read.
    await write(0, 150);
    await maintain();
    for (let n = 150; n < 165; n += 1) {
      await write(n, n + 1);
      const moved = async () =>
        (await owner.query("SELECT FROM data.events_wa_partition WHERE id = $1", [n])).rowCount === 1;
      const move = async () => {
        while (!(await moved())) await maintain();
      };
      const seen = await newcomers.during(move, "SELECT count(*) FROM data.events");
      expect(seen).toEqual(seen.map(() => String(n + 1)));
    }
  });
});
