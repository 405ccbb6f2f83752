import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkName, formatDuration, parseDuration, timeText } from "../../cli/ephemeral/arguments";
import { choiceOf, choose, envText, writeSecretFile } from "../../cli/ephemeral/connection";
import { derive, hasForeignSecrets } from "../../cli/ephemeral/derive";
import { expiryOf, parseList } from "../../cli/ephemeral/engine";
import { candidates, claimedBy } from "../../cli/ephemeral/port";
import { isKept } from "../../cli/ephemeral/remove";

describe("arguments", () => {
  it.each(["../a", "-a", "", "a/b", "a".repeat(51)])("refuse the name %j", (name) =>
    expect(() => checkName(name)).toThrow(`"${name}": invalid stack name; use 1 to 50 letters, digits`),
  );

  it("say a time as a number and a unit", () => {
    expect([parseDuration("30m"), parseDuration("8h"), parseDuration("30d")]).toEqual([
      1_800_000, 28_800_000, 2_592_000_000,
    ]);
    for (const wrong of ["8", "0h", "h", "-1h", "1.5h", "31d", "1w", ""])
      expect(() => parseDuration(wrong)).toThrow(
        `--for "${wrong}": invalid duration; write a whole number and m, h or d`,
      );
  });

  it("tell people how much time is left", () => {
    const now = Date.parse("2026-11-25T10:00:00Z");
    expect(timeText(now + 999)).toBe("2026-11-25T10:00:00Z");
    expect(formatDuration(now + 90 * 60_000, now)).toBe("2026-11-25 11:30 UTC, in 90 min");
    expect(formatDuration(now + 8 * 3_600_000, now)).toBe("2026-11-25 18:00 UTC, in 8 h");
    expect(formatDuration(now + 5 * 86_400_000, now)).toBe("2026-11-30 10:00 UTC, in 5 d");
    expect(formatDuration(now, now)).toBe("2026-11-25 10:00 UTC, EXPIRED");
    expect(formatDuration(Infinity, now)).toMatch(/^never/);
  });
});

describe("a derived stack file", () => {
  const given = { expires: "2026-11-25T18:00:00Z", port: 20017 };
  const config = (text: string) => (parse(text) as { config: Record<string, unknown> }).config;

  it("has its own port and time, and all else of the one it is made from, comments too", () => {
    const { text, ignoredKeys } = derive(
      "config:\n  # for tests\n  pgwright:server:\n    port: 15432 # ours\n    memory: 1GB\nencryptionsalt: v1:abc\n",
      given,
    );
    expect(ignoredKeys).toEqual([]);
    expect(text).toContain("# for tests");
    expect(parse(text)).toEqual({
      config: {
        "pgwright:server": { port: 20017, memory: "1GB" },
        "pgwright:ephemeral": { expires: "2026-11-25T18:00:00Z" },
      },
      encryptionsalt: "v1:abc",
    });
    expect(text).toContain('"2026-11-25T18:00:00Z"'); // YAML would take it for a date
  });

  it("is made of nothing too", () => {
    const { text } = derive("", { ...given, durable: false, salt: "v1:own" });
    expect(config(text)["pgwright:ephemeral"]).toEqual({ expires: given.expires, durable: false });
    expect(parse(text).encryptionsalt).toBe("v1:own");
  });

  it("is made where keys are empty, and refused where they are no maps", () => {
    expect(config(derive("config:\n  pgwright:server:\n", given).text)["pgwright:server"]).toEqual({ port: 20017 });
    expect(() => derive("config: 1\n", given)).toThrow("config: not a map");
    expect(() => derive("- a\n", given)).toThrow("stack file: not a map");
  });

  it("leaves out what would keep something, and says so", () => {
    const { text, ignoredKeys } = derive(
      "config:\n  pgwright:protect: true\n  pgwright:backup: { keep: true }\n  pgwright:backupPassphrase: { secure: v1:a }\n",
      given,
    );
    expect(ignoredKeys).toEqual(["protect", "backup", "backupPassphrase"]);
    expect(Object.keys(config(text))).toEqual(["pgwright:server", "pgwright:ephemeral"]);
    expect(derive("config:\n  pgwright:protect: false\n", given).ignoredKeys).toEqual([]);
  });

  it("is the same when it is made again of itself", () => {
    const once = derive("config:\n  pgwright:protect: true\n", given).text;
    expect(derive(once, given)).toEqual({ text: once, ignoredKeys: [] });
  });

  it("cannot hold secrets of a stack that encrypts them elsewhere", () => {
    const secret = "config:\n  pgwright:passwords:\n    app:\n      secure: AAAB\n";
    expect([hasForeignSecrets(secret), hasForeignSecrets(`${secret}encryptionsalt: v1:a\n`)]).toEqual([true, false]);
    expect(hasForeignSecrets("config:\n  pgwright:backupPassphrase: { secure: v1:a }\n")).toBe(true);
    expect(hasForeignSecrets("config:\n  pgwright:note: 'it is secure: really' # secure: yes\n")).toBe(false);
  });
});

describe("how to connect", () => {
  const there = choiceOf({
    "pgwright:roles": { owner: {}, app: { login: true }, keeper: { login: true, password: false }, none: null },
    "pgwright:databases": { shop: { owner: "owner" } },
  });

  it("is reported for the only role and database there are, or those that are named", () => {
    expect(choose(there, {})).toEqual({ role: "app", database: "shop" });
    expect(choose(there, { role: "postgres", database: "postgres" })).toEqual({
      role: "postgres",
      database: "postgres",
    });
    expect(choose(choiceOf({}), {})).toEqual({ role: "postgres", database: "postgres" });
  });

  it("is asked for where there are several, or none of that name", () => {
    const more = { roles: ["app", "web"], databases: ["a", "b"] };
    expect(() => choose(more, { database: "a" })).toThrow(
      "--role: not given, and the stack file declares several; use one of app, web, postgres",
    );
    expect(() => choose(more, { role: "app" })).toThrow(
      "--database: not given, and the stack file declares several; use one of a, b, postgres",
    );
    expect(() => choose(there, { role: "keeper" })).toThrow(
      '--role "keeper": no such role with a login and a password; use one of app, postgres',
    );
    expect(() => choose(there, { database: "x" })).toThrow('--database "x": no such database in the stack file');
  });

  it("is a file of variables for a shell, with any password", () => {
    const text = envText({ host: "127.0.0.1", port: 20017, role: "a b", password: "it's $1 @#/", database: "shop" });
    expect(text.split("\n")).toEqual([
      "PGHOST=127.0.0.1",
      "PGPORT=20017",
      "PGUSER='a b'",
      "PGPASSWORD='it'\\''s $1 @#/'",
      "PGDATABASE=shop",
      "DATABASE_URL='postgresql://a%20b:it'\\''s%20%241%20%40%23%2F@127.0.0.1:20017/shop'",
      "",
    ]);
  });

  it("is read by its owner alone, also where a file was there that all could read", () => {
    const folder = mkdtempSync(join(tmpdir(), "pgwright-unit-"));
    const file = join(folder, "env");
    writeFileSync(file, "old", { mode: 0o644 });
    writeSecretFile(file, "new");
    expect([readFileSync(file, "utf8"), statSync(file).mode & 0o777]).toEqual(["new", 0o600]);
    expect(() => writeSecretFile(join(folder, "nowhere", "env"), "x")).toThrow(/ENOENT/);
    rmSync(folder, { recursive: true });
  });
});

describe("what is on the engine", () => {
  const line = (name: string, expires: string) => `${name}\t${name}\tpgwright-a\t${expires}\t`;

  it("expires at the latest time on any of it", () => {
    const objects = parseList("volume", `${line("x", "2026-11-25T18:00:00Z")}\n${line("y", "2026-11-26T18:00:00Z")}\n`);
    expect(objects).toHaveLength(2);
    expect(expiryOf(objects)).toBe(Date.parse("2026-11-26T18:00:00Z"));
  });

  it("never expires if something of it has no time", () => {
    expect(expiryOf(parseList("volume", `${line("x", "2020-01-01T00:00:00Z")}\n${line("y", "soon")}\n`))).toBe(
      Infinity,
    );
  });

  it("is known by its port", () => {
    const ports = [...candidates("pgwright-a")];
    expect(new Set(ports).size).toBe(12_000);
    expect([Math.min(...ports), Math.max(...ports)]).toEqual([20_000, 31_999]);
    expect([claimedBy("pgwright-port-20017"), claimedBy("pgwright-portal")]).toEqual([20017, undefined]);
  });

  it("is somebody's if its state has anything without the mark", () => {
    const kept = (type: string, labels?: unknown) => isKept({ resources: [{ type, outputs: { labels } }] });
    const marked = { "pgwright.ephemeral": "pgwright-a" };
    const network = "docker:index/network:Network";
    expect(kept("pgwright:index:Cluster")).toBe(true);
    expect(kept("pgwright:index:Cluster", marked)).toBe(false);
    expect(kept(network, [])).toBe(true);
    expect(kept(network, [{ label: "pgwright.ephemeral", value: "pgwright-a" }])).toBe(false);
    expect(kept("pgwright:index:Role")).toBe(false);
    expect(isKept({})).toBe(false);
  });
});
