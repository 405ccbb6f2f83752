import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Host } from "../../provider/host";
import { ask, closeAllConnections, closeConnections, withDatabase } from "../../provider/session";
import { Machine } from "./toolchain/machine";

let machine: Machine;
let host: Host;

beforeEach(() => {
  machine = new Machine();
  host = new Host("c");
  machine.program("docker", `exec ${process.execPath} ${join(__dirname, "session-server.cjs")} "$@"`);
  vi.stubEnv("SERVER", machine.folder);
});
afterEach(async () => {
  await closeAllConnections(host);
  machine.remove();
});

const log = () => {
  const file = join(machine.folder, "log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines.filter((line) => line !== "end ");
};
const count = (line: string) => log().filter((each) => each === line).length;
const query = (text: string) => (client: { query(text: string): Promise<unknown> }) => client.query(`SELECT '${text}'`);

it("answers reads of a database in one session, one after the other", async () => {
  const pair = async (client: Parameters<Parameters<typeof ask>[2]>[0]) => {
    await query("a")(client);
    await query("b")(client);
    return true;
  };
  expect(await Promise.all([1, 2, 3].map(() => ask(host, "d", pair, false)))).toEqual([true, true, true]);
  const one = ["SELECT 'a'", "SELECT 'b'", "DISCARD ALL"].flatMap((text) => [`begin ${text}`, `end ${text}`]);
  expect(log()).toEqual(["open", ...one, ...one, ...one]);
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
  machine.file("down", "");
  const asks = () => [1, 2, 3].map(() => ask<unknown>(host, "d", query("a"), "unknown"));
  expect(await Promise.all(asks())).toEqual(["unknown", "unknown", "unknown"]);
  expect(log()).toEqual(["exec failed", "container failed"]);
  await expect(withDatabase(host, "d", query("a"))).rejects.toThrow("container c: no connection to PostgreSQL");
  rmSync(join(machine.folder, "down"));
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

it("does not keep the process alive", () => {
  const root = join(__dirname, "..", "..");
  const program = `
    const { Host } = require("./provider/host");
    const { ask, withDatabase } = require("./provider/session");
    const host = new Host("c");
    const query = (client) => client.query("SELECT 'a'");
    Promise.all([ask(host, "d", query), withDatabase(host, "d", query)]).then(() => console.log("done"));`;
  const started = Date.now();
  const args = ["--require", join(root, "toolchain", "typescript.cjs"), "--eval", program];
  expect(execFileSync(process.execPath, args, { cwd: root, timeout: 30_000 }).toString()).toBe("done\n");
  expect(Date.now() - started).toBeLessThan(8000); // idle sessions end after 10 s
});
