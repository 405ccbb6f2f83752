import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Host } from "../../provider/host";
import { ask, closeAllConnections, closeConnections, withDatabase } from "../../provider/session";
import { SessionServer } from "./session-server";

let server: SessionServer;
let host: Host;

beforeEach(async () => {
  await new Promise<void>((listening) => (server = new SessionServer(listening)));
  host = new Host(server.container);
});
afterEach(async () => {
  await closeAllConnections(host);
  server.close();
});

const count = (line: string) => server.log.filter((each) => each === line).length;
const query = (text: string) => (client: { query(text: string): Promise<unknown> }) => client.query(`SELECT '${text}'`);

it("answers reads of a database in one session, one after the other", async () => {
  const pair = async (client: Parameters<Parameters<typeof ask>[2]>[0]) => {
    await query("a")(client);
    await query("b")(client);
    return true;
  };
  expect(await Promise.all([1, 2, 3].map(() => ask(host, "d", pair, false)))).toEqual([true, true, true]);
  const one = ["SELECT 'a'", "SELECT 'b'", "DISCARD ALL"].flatMap((text) => [`begin ${text}`, `end ${text}`]);
  expect(server.log).toEqual(["open", ...one, ...one, ...one]);
});

it("gives each concurrent write a session, also within a write, and uses them again after a reset", async () => {
  let inside = 0;
  const together = async () => {
    inside += 1;
    await vi.waitUntil(() => inside === 4, { timeout: 10_000 });
  };
  const nested = () =>
    withDatabase(host, "d", async () => {
      await Promise.all([together(), withDatabase(host, "d", together)]);
    });
  await Promise.all([nested(), nested()]);
  expect(count("open")).toBe(4);
  await Promise.all([1, 2, 3, 4].map(() => withDatabase(host, "d", query("a"))));
  expect(count("open")).toBe(4);
  expect(count("end DISCARD ALL")).toBe(8);
});

it("closes the session of a failed write or read, and opens another one", async () => {
  for (const fails of [
    () => withDatabase(host, "d", query("error")),
    () => ask<unknown>(host, "d", query("error"), "unknown"),
  ]) {
    const before = count("close");
    await expect(fails()).rejects.toMatchObject({ code: "42P01" });
    expect(count("close")).toBe(before + 1);
  }
  await withDatabase(host, "d", query("a"));
  await ask<unknown>(host, "d", query("a"), "unknown");
  expect(count("open")).toBe(4);
});

it("replaces a session that broke while it was idle, or in a query", async () => {
  await ask<unknown>(host, "d", query("a"), "unknown");
  await expect(ask<unknown>(host, "d", query("crash"), "unknown")).rejects.toThrow("Connection terminated");
  expect(await ask<unknown>(host, "d", query("a"), "unknown")).not.toBe("unknown");
  expect(count("open")).toBe(2);
});

it("returns `unknown` while the server is down, after one attempt for all", async () => {
  server.stop();
  const asks = () => [1, 2, 3].map(() => ask<unknown>(host, "d", query("a"), "unknown"));
  expect(await Promise.all(asks())).toEqual(["unknown", "unknown", "unknown"]);
  expect(server.commands).toEqual(["exec", "system"]);
  await expect(withDatabase(host, "d", query("a"))).rejects.toThrow(
    `container ${host.container}: no connection to PostgreSQL: Error: No such container`,
  );
  server.start();
  expect(await Promise.all(asks())).not.toContain("unknown");
});

it("closes the sessions of a database after their queries, and opens others for later ones", async () => {
  const reads = [1, 2].map(() => ask<unknown>(host, "d", query("a"), "unknown"));
  const write = withDatabase(host, "d", query("b"));
  await withDatabase(host, "other", query("c"));
  await closeConnections(host, "d");
  expect(count("close")).toBe(2); // the read and the write: `other` stays open
  expect([count("end SELECT 'a'"), count("end SELECT 'b'")]).toEqual([2, 1]);
  await Promise.all([...reads, write]);
  await ask<unknown>(host, "d", query("a"), "unknown");
  expect(count("open")).toBe(4);
});

it("shares one docker exec among all sessions", async () => {
  await Promise.all(["a", "b", "c"].map((database) => withDatabase(host, database, query("x".repeat(300_000)))));
  expect(count("open")).toBe(3);
  expect(server.commands).toEqual(["exec"]);
});

it("does not keep the process alive", async () => {
  const root = join(__dirname, "..", "..");
  const program = `
    const { Host } = require("./provider/host");
    const { ask, withDatabase } = require("./provider/session");
    const host = new Host("${server.container}");
    const query = (client) => client.query("SELECT 'a'");
    Promise.all([ask(host, "d", query), withDatabase(host, "d", query)]).then(() => console.log("done"));`;
  const started = Date.now();
  const args = ["--require", join(root, "toolchain", "typescript.cjs"), "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 30_000 });
  expect(stdout).toBe("done\n");
  expect(Date.now() - started).toBeLessThan(8000); // idle sessions end after 10 s
});
