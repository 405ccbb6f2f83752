import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newcomers, seen } from "../newcomers";
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
      await owner.query("CALL data.events_roll_wa()");
    };
    // The longer the list, the longer it is read.
    await write(0, 150);
    await maintain();
    for (let n = 150; n < 162; n += 1) {
      await write(n, n + 1);
      const sessions = await newcomers(() => server.connect("writer"), "SELECT count(*) FROM data.events", maintain);
      expect(server.sql(`SELECT count(*) FROM data.events_wa_partition WHERE id = ${n}`), "moved").toBe("1");
      expect(await seen(sessions, "SELECT count(*) FROM data.events")).toEqual(sessions.map(() => String(n + 1)));
    }
  });
});
