import { loadModule } from "libpg-query";
import { beforeAll, describe, expect, it } from "vitest";
import { unpinned } from "../../sql/check-search-path";

const PINS = "PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);";
const procedure = (body: string) => `CREATE PROCEDURE s.p() LANGUAGE plpgsql AS $$\n${body}\n$$`;

describe("a routine whose names the session decides about", () => {
  beforeAll(() => loadModule());

  it.each([
    ["no SET", "CREATE FUNCTION s.p() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ["another SET", "CREATE FUNCTION s.p() RETURNS int LANGUAGE sql SET timezone = 'UTC' AS 'SELECT 1'"],
    ["a COMMIT behind which nothing is set", procedure(`BEGIN\n  ${PINS}\n  COMMIT;\n  PERFORM s.f();\nEND`)],
    ["something before it", procedure(`BEGIN\n  PERFORM s.f();\n  ${PINS}\nEND`)],
    ["a type that is looked up", procedure(`DECLARE\n  v text;\nBEGIN\n  ${PINS}\nEND`)],
  ])("is found: %s", (_what, sql) => expect(unpinned(sql)).toEqual(["s.p"]));

  it.each([
    ["SET", "CREATE FUNCTION s.p() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT 1'"],
    ["RETURN", "CREATE FUNCTION s.p() RETURNS int LANGUAGE sql RETURN 1"],
    ["BEGIN ATOMIC", "CREATE FUNCTION s.p() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END"],
    [
      "each transaction of a procedure",
      procedure(
        `DECLARE\n  v pg_catalog.text[] := '{}';\n  -- why\n  n CONSTANT int := 1;\nBEGIN\n  ${PINS}\n  COMMIT; -- here\n  ${PINS}\nEND`,
      ),
    ],
  ])("is not found: %s", (_what, sql) => expect(unpinned(sql)).toEqual([]));
});
