import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parameters, postgresqlVersion, type Parameter } from "../../../tuning/catalogue";
import { differences, serialise } from "../../../tuning/extract";

const one: Parameter = { name: "work_mem", context: "user", type: "integer", unit: "kB", min: "64", default: "4096" };
const two: Parameter = { name: "jit", context: "user", type: "bool", default: "on" };

it("lists what is new, gone and changed", () => {
  expect(differences([one, two], [one, two])).toEqual([]);
  expect(differences([one], [one, two])).toEqual([`+ ${JSON.stringify(two)}`]);
  expect(differences([one, two], [one])).toEqual([`- ${JSON.stringify(two)}`]);
  expect(differences([two], [{ ...two, default: "off" }])).toHaveLength(2);
});

it("writes the catalogue as it is kept: sorted, a line a parameter", () => {
  const kept = readFileSync("tuning/parameters.json", "utf8");
  expect(serialise({ postgresql: postgresqlVersion, parameters: [...parameters] })).toBe(kept);
  const names = parameters.map(({ name }) => name.toLowerCase());
  expect(names).toEqual([...names].sort());
  expect(new Set(names).size).toBe(names.length);
});

it("was taken with all libraries loaded", () => {
  const prefixes = new Set(parameters.flatMap(({ name }) => (name.includes(".") ? [name.split(".")[0]] : [])));
  const libraries = [
    "auth_delay",
    "auto_explain",
    "basebackup_to_shell",
    "basic_archive",
    "cron",
    "hnsw",
    "ivfflat",
    "pg_partman_bgw",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_trgm",
    "pgaudit",
    "plpgsql",
    "postgres_fdw",
  ];
  expect([...prefixes].sort()).toEqual(libraries);
  expect(postgresqlVersion).toMatch(/^17\.\d+$/);
});
