import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conservation } from "./conservation";
import { TiersServer } from "./server";

describe("rows of a tiered set", () => {
  let server: TiersServer;
  beforeAll(async () => {
    server = await TiersServer.start();
  });
  afterAll(() => server.stop());

  it("are each seen exactly once while they move, under writers and readers", async () => {
    const { violations, counts, runs } = await conservation(server, { seconds: 40, kills: false });
    console.log(JSON.stringify({ counts, runs }));
    expect(violations).toEqual([]);
    expect(counts.inserted).toBeGreaterThan(500);
    expect(counts.updated).toBeGreaterThan(50);
    expect(counts.read).toBeGreaterThan(50);
    expect(runs.maintenance).toBeGreaterThan(3);
  });
});
