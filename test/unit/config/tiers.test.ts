import { describe, expect, it } from "vitest";
import { jobsOf } from "../../../config/jobs";
import { parseStack } from "../../../config/parse";
import { StackError } from "../../../config/problem";
import { scheduleProblem } from "../../../config/schedule";

/** The lines of the error, without its first one. */
function problemsOf(input: unknown): string[] {
  try {
    parseStack(input);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const [, ...lines] = error.message.split("\n");
    return lines.map((line) => line.trim());
  }
  return [];
}

const ships = {
  columns: [
    { name: "fid", type: "text" },
    { name: "dtg", type: "timestamptz" },
    { name: "geom", type: "geometry(Point,4326)", notNull: true },
  ],
  id: "fid",
  time: "dtg",
  sortKey: { geometry: "geom" },
};
const events = {
  columns: [
    { name: "id", type: "bigint" },
    { name: "at", type: "timestamp with time zone" },
  ],
  id: "id",
  time: "at",
  sortKey: { columns: ["at", "id"] },
};
const stack = (tiers: object, database: object = {}, more: object = {}) => ({
  image: { packages: ["postgresql-17-postgis-3"] },
  roles: { keeper: { login: true, password: false }, other: { login: true }, silent: {} },
  databases: {
    app: {
      owner: "keeper",
      schemas: { geo: {}, gis: {}, theirs: { owner: "silent" } },
      extensions: { postgis: { schema: "gis" } },
      tiers,
      ...database,
    },
  },
  ...more,
});
const at = 'pgwright:databases.app.tiers["geo.ships"]';
const withShips = (change: object, database: object = {}, more: object = {}) =>
  stack({ "geo.ships": { ...ships, ...change } }, database, more);

describe("tiered tables", () => {
  it("may be, with all defaults", () => {
    expect(problemsOf(stack({ "geo.ships": ships, "public.events": events }))).toEqual([]);
    expect(parseStack(withShips({})).databases.app?.tiers["geo.ships"]).toMatchObject({
      intervalHours: 6,
      walMinutes: 10,
      pagesPerRange: 128,
      indexes: [],
      onRemove: "keep",
    });
  });

  it.each<[string, unknown, string]>([
    [
      "an unknown key",
      withShips({ interval: 6 }),
      `${at}.interval: unknown key; allowed here: owner, columns, id, time, sortKey, `,
    ],
    ["a name without a schema", stack({ ships }), 'pgwright:databases.app.tiers["ships"]: write schema.name; '],
    [
      "a schema that is not declared",
      stack({ "sea.ships": ships }),
      'pgwright:databases.app.tiers["sea.ships"]: "sea": no such schema in databases.app.schemas; there are public, geo, gis, theirs',
    ],
    [
      "a name that is too long",
      stack({ [`geo.${"ü".repeat(16)}`]: ships }),
      `pgwright:databases.app.tiers["geo.${"ü".repeat(16)}"]: "${"ü".repeat(16)}" has 32 bytes, and names of tables are derived from it; use at most 31 bytes`,
    ],
    ["no columns", withShips({ columns: [] }), `${at}.columns: `],
    [
      "a column twice",
      withShips({ columns: [...ships.columns, { name: "geom", type: "text" }] }),
      `${at}.columns[3].name: "geom": there is a column of this name already`,
    ],
    [
      "two statements for a default",
      withShips({ columns: [...ships.columns, { name: "x", type: "text", default: "1; DROP TABLE y" }] }),
      `${at}.columns[3].default: "1; DROP TABLE y": write one expression without ";" and comments`,
    ],
    [
      "an id that is no column",
      withShips({ id: "mmsi" }),
      `${at}.id: "mmsi": no such column; there are fid, dtg, geom`,
    ],
    [
      "an id that is the time",
      withShips({ id: "dtg" }),
      `${at}.time: "dtg" is also the id; use different columns for id and time`,
    ],
    [
      "a time of another type",
      withShips({ columns: [ships.columns[0], { name: "dtg", type: "timestamp" }, ships.columns[2]] }),
      `${at}.time: "dtg" is of type timestamp; it must be of type timestamptz`,
    ],
    [
      "a geometry that is none",
      withShips({ sortKey: { geometry: "fid" } }),
      `${at}.sortKey.geometry: "fid" is of type text; it must be of type geometry`,
    ],
    [
      "both kinds of sort key",
      withShips({ sortKey: { geometry: "geom", columns: ["fid"] } }),
      `${at}.sortKey: {"geometry":"geom","columns":["fid"]}: write either geometry or columns`,
    ],
    ["no sort key", withShips({ sortKey: {} }), `${at}.sortKey: {}: write either geometry or columns`],
    [
      "a sort column that is not there",
      withShips({ sortKey: { columns: ["fid", "mmsi"] } }),
      `${at}.sortKey.columns[1]: "mmsi": no such column; there are fid, dtg, geom`,
    ],
    [
      "a sort column twice",
      withShips({ sortKey: { columns: ["fid", "fid"] } }),
      `${at}.sortKey.columns[1]: "fid" is listed twice; remove one`,
    ],
    [
      "an index on what is not there",
      withShips({ indexes: ["mmsi"] }),
      `${at}.indexes[0]: "mmsi": no such column; there are fid, dtg, geom`,
    ],
    ["an index twice", withShips({ indexes: ["fid", "fid"] }), `${at}.indexes[1]: "fid" is listed twice; remove one`],
    [
      "hours that do not divide a day",
      withShips({ intervalHours: 5 }),
      `${at}.intervalHours: 5 is not allowed; write one of 1, 2, 3, 4, 6, 8, 12, 24`,
    ],
    [
      "minutes that do not divide an hour",
      withShips({ walMinutes: 7 }),
      `${at}.walMinutes: 7 is not allowed; write one of 5, 10, 15, 20, 30, 60`,
    ],
    [
      "an age without a unit",
      withShips({ maxAge: "90" }),
      `${at}.maxAge: "90" is not allowed; write a whole number and minutes, hours, days, weeks, months or years, such as 90 days`,
    ],
    [
      "the minute of the roll",
      withShips({ minuteOffset: 9 }),
      `${at}.minuteOffset: 9 is not below 9, the minute in which the writes switch to a new table`,
    ],
    [
      "another end",
      withShips({ onRemove: "detach" }),
      `${at}.onRemove: "detach" is not allowed; write one of keep, drop`,
    ],
    [
      "an owner that is not declared",
      withShips({ owner: "nobody" }),
      `${at}.owner: "nobody" may not create tables in schema geo, which "keeper" owns; give "nobody" memberOf: [keeper]`,
    ],
    [
      "an owner without rights on the schema",
      withShips({ owner: "other" }, { grants: { other: { database: ["CONNECT"] } }, extensions: { postgis: {} } }),
      `${at}.owner: "other" may not create tables in schema geo, which "keeper" owns; give "other" memberOf: [keeper]`,
    ],
    [
      "an owner that has no sessions",
      stack({ "theirs.events": events }),
      'pgwright:databases.app.tiers["theirs.events"].owner: "silent" has login: false, and a job needs a session; give it login: true with password: false',
    ],
    [
      "a geometry without PostGIS",
      withShips({}, { extensions: {} }),
      `${at}.columns[2].type: "geom" is of type geometry(Point,4326), which needs the extension postgis; add it to extensions`,
    ],
    [
      "an image without PostGIS",
      withShips({}, {}, { image: {} }),
      "pgwright:databases.app.extensions.postgis: the image has no PostGIS; set image.packages: [postgresql-17-postgis-3]",
    ],
    [
      "a set of partitions of the same name",
      withShips({}, { partitions: { sets: { "geo.ships": { interval: "1 day" } } } }),
      `${at}: its tables would have the same names as those of partitions.sets["geo.ships"]; choose another name`,
    ],
    [
      "names that another one needs",
      stack({ "geo.ships": ships, "geo.ships_wa": ships }),
      'pgwright:databases.app.tiers["geo.ships_wa"]: its tables would have the same names as those of tiers["geo.ships"]; choose another name',
    ],
  ])("cannot have %s", (_what, input, expected) => {
    const problems = problemsOf(input);
    expect(problems.map((problem) => problem.slice(0, expected.length))).toContain(expected);
    // Each is reported once.
    expect(new Set(problems).size).toBe(problems.length);
  });

  it("may belong to a member of the schema's owner", () => {
    const roles = { boss: {}, keeper: { login: true, memberOf: ["boss"] } };
    const database = { owner: "boss", grants: { keeper: { database: ["CONNECT"] } } };
    expect(
      problemsOf(
        stack(
          { "geo.ships": { ...ships, owner: "keeper" } },
          { ...database, schemas: { geo: {}, gis: {} } },
          { roles },
        ),
      ),
    ).toEqual([]);
  });

  it("may use an image or base that somebody else has filled", () => {
    expect(problemsOf(withShips({}, {}, { image: { name: "registry.example.com/postgres:17" } }))).toEqual([]);
    expect(problemsOf(withShips({}, {}, { image: { base: "postgis/postgis:17-3.5" } }))).toEqual([]);
  });

  describe("have jobs", () => {
    const jobs = (tiers: object) => {
      const { app } = parseStack(stack(tiers)).databases;
      return app ? jobsOf("app", app) : [];
    };

    it("that run as their owner, with a CALL each", () => {
      expect(
        jobs({ "geo.ships": { ...ships, minuteOffset: 3 } }).map(({ key: _, roleKey: __, ...job }) => job),
      ).toEqual([
        {
          name: "app.geo.ships-roll-wa",
          schedule: "9,19,29,39,49,59 * * * *",
          command: "CALL geo.ships_roll_wa()",
          role: "keeper",
          active: true,
        },
        {
          name: "app.geo.ships-part-maintenance",
          schedule: "3,13,23,33,43,53 * * * *",
          command: "CALL geo.ships_partition_maintenance()",
          role: "keeper",
          active: true,
        },
        {
          name: "app.geo.ships-analyze",
          schedule: "* * * * *",
          command: "CALL geo.ships_analyze_partitions()",
          role: "keeper",
          active: true,
        },
        {
          name: "app.geo.ships-partition-sort",
          schedule: "40 2 * * *",
          command: "CALL geo.ships_partition_sort()",
          role: "keeper",
          active: true,
        },
      ]);
    });

    it("whose names are quoted where they need it", () => {
      const [job] = jobs({ 'public.Ships"x': events });
      expect(job?.command).toBe('CALL public."Ships""x_roll_wa"()');
    });

    it("at times that pg_cron takes, and never the maintenance with the roll", () => {
      for (const walMinutes of [5, 10, 15, 20, 30, 60]) {
        for (const name of ["a", "b", "c", "d", "e"]) {
          const [roll, maintenance, ...others] = jobs({ [`geo.${name}`]: { ...ships, walMinutes } });
          const minutes = (schedule = "") => schedule.split(" ")[0]?.split(",").map(Number) ?? [];
          expect(minutes(roll?.schedule)).toHaveLength(60 / walMinutes);
          expect(minutes(maintenance?.schedule)).toHaveLength(60 / walMinutes);
          expect(minutes(roll?.schedule).filter((minute) => minutes(maintenance?.schedule).includes(minute))).toEqual(
            [],
          );
          for (const job of [roll, maintenance, ...others])
            expect(scheduleProblem(job?.schedule ?? "")).toBeUndefined();
        }
      }
    });
  });
});
