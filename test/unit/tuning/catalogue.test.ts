import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalValue,
  checkSetting,
  checkValue,
  applyModeOf,
  findParameter,
  parameters,
  preloadLibraryOf,
  isComputedByServer,
} from "../../../tuning/catalogue";
import answers from "../data/setting-answers.json";

describe("what the server answered (record-answers.ts)", () => {
  const rows = answers as [name: string, value: string, setting: string | null][];

  it("takes and refuses the same values, and reads them alike", () => {
    const ours = rows.map(([name, value]) => {
      const taken = checkValue(name, value) === undefined;
      return [name, value, taken ? canonicalValue(name, value) : null];
    });
    expect(ours).toEqual(rows);
  });

  it("is about every enum and every number that can be set", () => {
    const asked = new Set(rows.map(([name]) => name));
    const missing = parameters.filter(({ name, type, context }) => {
      const numberOrEnum = type === "enum" || type === "integer" || type === "real";
      return numberOrEnum && (context === "user" || context === "superuser") && !asked.has(name);
    });
    expect(missing.map(({ name }) => name).filter((name) => !/^(tcp_|transaction_|max_stack)/.test(name))).toEqual([]);
  });
});

describe("findParameter", () => {
  it("does not look at case, like PostgreSQL", () => {
    expect(findParameter("TimeZone")).toBe(findParameter("timezone"));
    expect(findParameter("WORK_MEM")).toMatchObject({ name: "work_mem", context: "user", unit: "kB", default: "4096" });
  });

  it("knows the extensions' parameters, and takes any name of a class that no library of the image has", () => {
    const names = [
      "cron.database_name",
      "pgaudit.log",
      "pg_stat_statements.max",
      "hnsw.ef_search",
      "auto_explain.log_format",
      "pg_prewarm.autoprewarm",
      "postgres_fdw.application_name",
      "pg_trgm.similarity_threshold",
      "auth_delay.milliseconds",
    ];
    expect(names.filter((name) => findParameter(name) === undefined)).toEqual([]);
    expect(findParameter("pgwright.configuration")).toBeDefined();
    expect(findParameter("Shop.Setting")).toEqual({ name: "shop.setting", context: "user", type: "string" });
    for (const name of ["shop.", "shop.a b", "shop", ".a", "shop.1", "1.a", "pg_trgm.limit", "constructor"])
      expect(findParameter(name), name).toBeUndefined();
  });
});

describe("checkSetting", () => {
  it.each([
    ["work_mem", "64MB"],
    ["work_mem", 65536],
    ["Work_Mem", "64 MB"],
    ["jit", false],
    ["random_page_cost", 1.1],
    ["wal_compression", "ZSTD"],
    ["log_rotation_age", "1d"],
    ["shop.setting", "anything"],
    ["shop.a.b$1", 1],
    ["postgis.gdal_enabled_drivers", "ENABLE_ALL"],
    ["pg_prewarm.autoprewarm", false],
    ["postgres_fdw.application_name", "%a"],
  ])("takes %s = %j", (name, value) => {
    expect(checkSetting(name, value)).toBeUndefined();
  });

  it.each([
    ["shared_bufers", "1GB", /no.*has a parameter "shared_bufers"|neither .* did you mean shared_buffers\?/],
    ["io_method", "worker", /PostgreSQL 17 has no parameter io_method: it is new in PostgreSQL 18/],
    ["wal_keep_segments", 10, /set wal_keep_size/],
    ["pg_prewarm.autoprewam", "x", /parameter "pg_prewarm.autoprewam"; did you mean pg_prewarm.autoprewarm/],
    ["pg_prewarm.autoprewarm", "x", /must be on or off/],
    ["shop.a b", "x", /letters a to z, digits, _ and \$, and begins with a letter or _/],
    ["shop.a", "x\ny", /line break/],
    ["pgwright.configuration", "x", /pgwright sets pgwright.configuration itself: pgwright reserves this class/],
    ["work_mem", "64mb", /unknown unit; units: TB, GB, MB, kB, B \(case matters\)/],
    ["work_mem", "10min", /unknown unit/],
    ["work_mem", "lots", /must be a whole number; units/],
    [
      "work_mem",
      "32kB",
      /work_mem = "32kB": outside the range of work_mem, 64kB to 2147483647kB \(.* is in units of kB\)/,
    ],
    ["shared_buffers", 1, /128kB to 8589934584kB \(a number without a unit is in units of 8kB\)/],
    ["max_connections", "100MB", /a whole number without a unit/],
    ["max_connections", 0, /outside the range of max_connections, 1 to 262143/],
    ["random_page_cost", NaN, /must be a number/],
    ["random_page_cost", Infinity, /must be a number/],
    ["wal_level", "maximal", /one of minimal, replica, logical/],
    ["jit", "maybe", /must be on or off/],
    ["log_line_prefix", "%m\nfsync = off", /line break/],
    ["log_line_prefix", "%m\0", /NUL/],
    ["server_version", "18", /a property of the build/],
    ["data_directory", "/data", /pgwright sets data_directory itself: .* choose the volume instead/],
    ["ALLOW_ALTER_SYSTEM", true, /pgwright sets allow_alter_system itself/],
    ["port", 5433, /published port/],
    ["transaction_isolation", "serializable", /default_transaction_isolation/],
  ])("refuses %s = %j", (name, value, text) => {
    const problem = checkSetting(name, value);
    expect(problem).toMatch(text);
    expect(problem).toContain(`${name} = ${JSON.stringify(value)}: `);
  });

  it("lets pgwright itself set what it manages", () => {
    expect(checkValue("listen_addresses", "*")).toBeUndefined();
    expect(checkValue("allow_alter_system", "off")).toBeUndefined();
  });

  it("never throws, whatever it is given", () => {
    const names = fc.oneof(fc.string(), fc.constantFrom(...parameters.map(({ name }) => name)));
    const values = fc.oneof(
      fc.string(),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.stringMatching(/^-?\d{1,4}[A-Za-z]{0,3}$/),
    );
    fc.assert(fc.property(names, values, (name, value) => void checkSetting(name, value)));
  });
});

describe("canonicalValue", () => {
  it.each([
    ["shared_buffers", ["1GB", "1024MB", 131072, "131072", "1048576kB"], "131072"],
    ["jit", ["on", true, "true", "YES", 1, "1"], "on"],
    ["checkpoint_timeout", ["15min", 900, "900s", "900000ms"], "900"],
    ["wal_level", ["replica", "REPLICA", "hot_standby"], "replica"],
    ["wal_compression", ["pglz", "on", true], "pglz"],
    ["random_page_cost", [4, "4.0", "4e0"], "4"],
    ["log_file_mode", ["0600", 384, "0x180"], "0600"],
    ["search_path", ["a, b"], "a, b"],
  ])("%s: equal values have one form", (name, values, canonical) => {
    expect(values.map((value) => canonicalValue(name, value))).toEqual(values.map(() => canonical));
  });

  it("is stable: the form of the form is the form", () => {
    const settable = parameters.filter(({ context, default: value }) => context !== "internal" && value !== undefined);
    const twice = settable.map(({ name, default: value }) => [
      name,
      canonicalValue(name, canonicalValue(name, value!)),
    ]);
    expect(twice).toEqual(settable.map(({ name, default: value }) => [name, canonicalValue(name, value!)]));
  });

  it("is what the catalogue has as the default, as the catalogue is the server's own words", () => {
    const octal = new Set(["log_file_mode", "unix_socket_permissions"]);
    const settable = parameters.filter(({ context, default: value }) => context !== "internal" && value !== undefined);
    for (const { name, default: value } of settable.filter(({ name }) => !octal.has(name))) {
      expect([name, canonicalValue(name, value!)]).toEqual([name, value]);
    }
  });

  it("throws what checkValue says", () => {
    expect(() => canonicalValue("work_mem", "1gb")).toThrow(checkValue("work_mem", "1gb"));
    expect(() => canonicalValue("nonsense", "1")).toThrow(/neither PostgreSQL 17/);
  });
});

describe("applyModeOf", () => {
  it.each([
    ["shared_buffers", "restart"],
    ["cron.database_name", "restart"],
    ["max_wal_size", "reload"],
    ["WORK_MEM", "reload"],
    ["pgaudit.log", "reload"],
    ["pgwright.configuration", "reload"],
    ["shop.setting", "reload"],
    ["pg_prewarm.autoprewarm", "restart"],
    ["log_connections", "new connections"],
    ["session_preload_libraries", "new connections"],
  ])("%s: %s", (name, effect) => {
    expect(applyModeOf(name)).toBe(effect);
  });

  it("throws for names that cannot be set", () => {
    expect(() => applyModeOf("nonsense")).toThrow(/nonsense/);
    expect(() => applyModeOf("server_version")).toThrow(/cannot be set/);
  });
});

it("isComputedByServer names what the server computes", () => {
  expect(isComputedByServer("wal_buffers", -1)).toBe(true);
  expect(isComputedByServer("wal_buffers", "16MB")).toBe(false);
  expect(isComputedByServer("transaction_buffers", 0)).toBe(true);
  expect(isComputedByServer("work_mem", "4MB")).toBe(false);
});

it("preloadLibraryOf names the library that has to be loaded", () => {
  expect(["cron.timezone", "pgaudit.log", "hnsw.ef_search", "work_mem"].map(preloadLibraryOf)).toEqual([
    "pg_cron",
    "pgaudit",
    undefined,
    undefined,
  ]);
});
