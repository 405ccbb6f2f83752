import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { quoteIdentifier } from "../../../config/object-name";
import type { StackInput } from "../../../config/stack";
import { InProcessStack } from "../in-process-stack";

/** The example of the documentation, on a port of its own. */
function example(): StackInput {
  const file = join(__dirname, "..", "..", "..", "docs", "examples", "Pulumi.ships.yaml");
  const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
  const stack = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("pgwright:", ""), value]));
  const server: StackInput["server"] = { ...(stack.server as object), memory: "1GB" };
  delete server.port;
  return { ...stack, server };
}

describe("tiered tables of a stack", () => {
  let stack: InProcessStack;
  let receiver: Client;
  beforeAll(async () => {
    stack = await InProcessStack.create(example());
    await stack.up();
    const passwords = await stack.output<Record<string, string>>("rolePasswords");
    receiver = await stack.connect("receiver", passwords.receiver ?? "", "tracking");
  });
  afterAll(async () => {
    await receiver?.end();
    await stack.dispose();
  });

  const sql = (text: string) => stack.sql("tracking", text);
  const database = () => stack.config.databases?.tracking as NonNullable<StackInput["databases"]>[string];
  const ships = () =>
    database().tiers?.["geo.ships"] as NonNullable<(typeof stack.config.databases & object)[string]["tiers"]>[string];
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };
  /** Runs a command as the jobs do: as the owner, in a session of its own. */
  const asOwner = async (command: string) => {
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "tracking");
    await client.query("SET SESSION AUTHORIZATION tracking_owner");
    try {
      return await client.query(command);
    } finally {
      await client.end();
    }
  };
  const tier = (suffix: string, name = "ships") => Number(sql(`SELECT count(*) FROM geo.${name}_${suffix}`));
  const problems = () => sql("SELECT set_name, problems FROM pgwright.tiers_status WHERE problems <> '{}'");
  const sail = (from: string, rows: number, table = "ships") =>
    receiver.query(
      `INSERT INTO geo.${table} (fid, dtg, geom, vessel) SELECT 's' || i, $1::timestamptz + i * interval '1 second',
         gis.ST_SetSRID(gis.ST_MakePoint((i * 7919) % 360 - 180, (i * 104729) % 180 - 90), 4326), i % 7
       FROM generate_series(1, $2::int) AS i`,
      [from, rows],
    );

  it("are there after the first up, with their jobs, and stay as they are", async () => {
    expect(sql("SELECT set_name || ' ' || owner_name FROM pgwright.tiers_sets ORDER BY 1")).toBe(
      "readings tracking_owner\nships tracking_owner",
    );
    expect(problems()).toBe("");
    await quiet();
  });

  it("have the jobs that the library names", () => {
    const wanted = sql(
      `SELECT j.job, j.schedule, j.command, s.owner_name FROM pgwright.tiers_sets AS s
       CROSS JOIN LATERAL pgwright.tiers_jobs(s.schema_name, s.set_name) AS j ORDER BY 1`,
    );
    expect(wanted.split("\n")).toHaveLength(8);
    expect(
      sql("SELECT jobname, schedule, command, username FROM cron.job WHERE command LIKE 'CALL geo.%' ORDER BY 1"),
    ).toBe(wanted);
  });

  it("take rows through the view and past it, and sort them into tiers while nothing is there to change", async () => {
    await sail("2040-01-01 00:00Z", 1000);
    await sail("2040-01-01 00:20Z", 1000, "ships_wa");
    await receiver.query(
      "INSERT INTO geo.readings (sensor, at) SELECT 's' || i % 5, timestamptz '2040-01-01 00:00Z' + i * interval '1 s' FROM generate_series(1, 500) AS i",
    );
    expect(tier("wa")).toBe(2000);
    await asOwner("CALL geo.ships_roll_wa()");
    await asOwner("CALL geo.readings_roll_wa()");
    await asOwner("CALL geo.ships_partition_wa('2040-01-01 01:00Z')");
    expect([tier("wa"), tier("wa_partition"), tier("partition")]).toEqual([0, 2000, 0]);
    await quiet();
    await asOwner("CALL geo.ships_merge_wa_partitions('2040-01-02 00:00Z')");
    await asOwner("CALL pgwright.tiers_partition_maintenance('geo', 'readings', '2040-01-05 00:00Z')");
    await asOwner("CALL geo.ships_analyze_partitions()");
    expect([tier("wa_partition"), tier("partition")]).toEqual([0, 2000]);
    expect(tier("partition", "readings")).toBe(500);
    const { rows } = await receiver.query(
      "SELECT count(*)::int AS n FROM geo.ships WHERE geom OPERATOR(gis.&&) gis.ST_MakeEnvelope(0, 0, 90, 45, 4326)",
    );
    expect(rows[0].n).toBeGreaterThan(50);
    await expect(receiver.query("SELECT FROM geo.readings")).rejects.toThrow("permission denied");
    await quiet();
  });

  it("are maintained by their jobs", async () => {
    sql("UPDATE cron.job SET schedule = '1 second' WHERE jobname LIKE 'tracking.geo.ships-%'");
    await sail("2040-01-01 02:00Z", 100);
    for (let tries = 0; tries < 120 && tier("spill") === 0; tries += 1)
      await new Promise((done) => setTimeout(done, 500));
    expect(tier("spill") + tier("partition")).toBe(2100);
    const failed = "SELECT DISTINCT return_message FROM cron.job_run_details WHERE status = 'failed'";
    expect(sql(failed)).toBe("");
    const { changes } = await stack.preview("--refresh");
    expect(changes.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      "CronJob tracking.geo.ships-analyze",
      "CronJob tracking.geo.ships-part-maintenance",
      "CronJob tracking.geo.ships-partition-sort",
      "CronJob tracking.geo.ships-roll-wa",
    ]);
    await stack.up();
    await quiet();
  });

  it("notice what was done by hand, and put it back", async () => {
    sql(
      `DROP TRIGGER tiers_insert ON geo.ships;
       CREATE OR REPLACE FUNCTION geo.ships_delete() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       DROP TABLE geo.readings_runs`,
    );
    const { changes, messages } = await stack.preview("--refresh");
    expect(changes.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      "TieredTable tracking.geo.readings",
      "TieredTable tracking.geo.ships",
    ]);
    const said = messages.join("\n");
    expect(said).toMatch(/the trigger for insert on geo\.ships is missing; the update repairs it/);
    expect(said).toMatch(/the routine geo\.ships_delete was edited; the update repairs it/);
    expect(said).toMatch(/geo\.readings_runs is missing; the update repairs it/);
    await stack.up();
    expect(problems()).toBe("");
    await sail("2040-01-02 00:00Z", 10);
    await quiet();
  });

  it("show a configuration that was changed by hand, in the stack file's words", async () => {
    sql(
      `SELECT pgwright.tiers_alter(config || '{"intervalHours": 3, "maxAge": null}') FROM pgwright.tiers_sets WHERE set_name = 'ships'`,
    );
    const { changes } = await stack.preview("--refresh");
    expect(changes.map(({ name, detailedDiff }) => [name, Object.keys(detailedDiff ?? {}).sort()])).toEqual([
      ["tracking.geo.ships", ["config.intervalHours", "config.maxAge"]],
    ]);
    await stack.up();
    await quiet();
  });

  it("change what may change, and the preview says what that does", async () => {
    sql(
      "INSERT INTO geo.ships (fid, dtg, geom) VALUES ('old', now() - interval '60 days', gis.ST_SetSRID(gis.ST_MakePoint(1, 1), 4326))",
    );
    await asOwner("CALL geo.ships_roll_wa()");
    await asOwner("CALL geo.ships_partition_wa()");
    stack.configure(() =>
      Object.assign(ships(), { intervalHours: 12, maxAge: "30 days", indexes: ["vessel", "speed"] }),
    );
    const { changes, messages } = await stack.preview();
    expect(changes.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["TieredTable tracking.geo.ships"]);
    const said = messages.join("\n");
    expect(said).toMatch(/intervalHours 6 -> 12: applies from the next range on/);
    expect(said).toMatch(/indexes \["vessel"\] -> \["vessel","speed"\]: the next maintenance builds them/);
    expect(said).toMatch(/drops its partitions older than 30 days:\s+geo\.ships_partition_[\d_]+, about \d+ rows/);
    await stack.up();
    expect(sql("SELECT config ->> 'intervalHours' FROM pgwright.tiers_sets WHERE set_name = 'ships'")).toBe("12");
    await quiet();
    await asOwner("CALL geo.ships_age_off()");
    expect(sql("SELECT count(*) FROM geo.ships WHERE fid = 'old'")).toBe("0");
    // Other words for the same are no change of the table.
    stack.configure(() => Object.assign(ships().columns[1] ?? {}, { type: "timestamp with time zone" }));
    await stack.up();
    await quiet();
  });

  it("refuse what cannot change, in the preview and in an update", async () => {
    const before = sql("SELECT config FROM pgwright.tiers_sets WHERE set_name = 'ships'");
    const columns = ships().columns;
    stack.configure(() =>
      Object.assign(ships(), {
        columns: [...columns, { name: "flag", type: "text" }],
        pagesPerRange: 64,
        indexes: ["speed"],
      }),
    );
    const { code, messages, changes } = await stack.preview();
    expect(code).not.toBe(0);
    expect(messages.join("\n")).toMatch(
      /geo\.ships: columns cannot change: flag is added; pagesPerRange cannot change from 128 to 64; indexes can only be added, and the change removes vessel/,
    );
    expect(changes.filter(({ op }) => /replace|delete/.test(op))).toEqual([]);
    expect((await stack.tryUp()).code).not.toBe(0);
    expect(sql("SELECT config FROM pgwright.tiers_sets WHERE set_name = 'ships'")).toBe(before);
    stack.configure(() => {
      Object.assign(ships(), { columns, indexes: ["vessel", "speed"] });
      delete ships().pagesPerRange;
    });
    await quiet();
  });

  it("keep working through another version of the library, and are brought up to date", async () => {
    // As if an older one had been installed, which writes its triggers in another way.
    sql(
      `DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('pgwright.tiers_insert_body'::regproc), 'RETURN NEW', '-- older' || chr(10) || 'RETURN NEW'); END $do$;
       SELECT pgwright.tiers_alter(config) FROM pgwright.tiers_sets`,
    );
    const older = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'geo'::regnamespace AND prosrc ~ 'older'";
    expect(sql(older)).toBe("2");
    await sail("2040-01-03 00:00Z", 10);
    const { changes } = await stack.preview("--refresh");
    expect(changes.map(({ op, kind }) => `${op} ${kind}`)).toEqual(["update Library"]);
    await stack.up();
    expect(sql(older)).toBe("0");
    expect(problems()).toBe("");
    await sail("2040-01-03 00:01Z", 10);
    await quiet();
  });

  it("are taken up again when somebody has dropped the library with its books", async () => {
    const rows = sql("SELECT count(*) FROM geo.ships");
    sql("DROP SCHEMA pgwright CASCADE");
    const { messages, changes } = await stack.preview("--refresh");
    expect(changes.map(({ op, kind }) => `${op} ${kind}`).sort()).toEqual([
      "create Library",
      "create Library",
      "create TieredTable",
      "create TieredTable",
    ]);
    expect(messages.join("\n")).toMatch(/adopts the existing tables of geo\.ships/);
    await stack.up();
    expect(sql("SELECT count(*) FROM geo.ships")).toBe(rows);
    expect(problems()).toBe("");
    await quiet();
  });

  it("that are new and cannot be are reported in the preview", async () => {
    const columns = [{ name: "id", type: "serial number" }, ...ships().columns];
    stack.configure(() => Object.assign(database().tiers ?? {}, { "geo.boats": { ...ships(), columns } }));
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(
      /creates the view geo\.boats with its tables and procedures, owned by tracking_owner/,
    );
    expect(messages.join("\n")).toMatch(
      /geo\.boats: column id: type serial number does not exist; the update fails unless it creates the missing objects/,
    );
    stack.configure(() => delete database().tiers?.["geo.boats"]);
  });

  it("quote the names that PostgreSQL would take for something else", () => {
    const words = sql("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T') ORDER BY 1").split("\n");
    expect(words.filter((word) => quoteIdentifier(word) === word)).toEqual([]);
  });

  it("keep their rows when they are taken out, unless the stack file says to drop them", async () => {
    const rows = Number(sql("SELECT count(*) FROM geo.ships"));
    const before = ships();
    stack.configure(() => Object.assign(database().tiers?.["geo.readings"] ?? {}, { onRemove: "drop" }));
    const { messages } = await stack.preview();
    expect(messages.join("\n")).toMatch(
      /geo\.readings: once it is removed from the stack file, the update drops its rows/,
    );
    await stack.up();
    stack.configure(() => {
      delete database().tiers;
      const { tables, functions } = database().grants?.receiver ?? {};
      for (const table of ["geo.readings", "geo.ships_wa"]) delete tables?.[table];
      delete functions?.["geo.ships_wa_number()"];
    });
    // The library stays as long as something needs it that the stack file does not know.
    sql(
      `SELECT pgwright.tiers_create('{"schema": "geo", "name": "byhand", "owner": "tracking_owner", "id": "id", "time": "at",
         "columns": [{"name": "id", "type": "int"}, {"name": "at", "type": "timestamptz"}], "sortKey": {"columns": ["id"]}}')`,
    );
    const refused = await stack.tryUp();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/the library tiers of tracking is still used by geo\.byhand; drop these first/);
    sql("SELECT pgwright.tiers_drop('geo', 'byhand', false)");
    await stack.up();
    expect(sql("SELECT relkind FROM pg_class WHERE oid = 'geo.ships'::regclass")).toBe("p");
    expect(Number(sql("SELECT count(*) FROM geo.ships"))).toBe(rows);
    expect((await receiver.query("SELECT count(*)::int AS n FROM geo.ships")).rows[0].n).toBe(rows);
    // Declared again, its name is taken.
    stack.configure(() => (database().tiers = { "geo.ships": before }));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /geo\.ships: this relation exists and is not a tiered table/,
    );
    stack.configure(() => delete database().tiers);
    // Nothing else is left: no table, no routine, no job, no library.
    expect(
      sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'geo'::regnamespace AND relname LIKE 'readings%'"),
    ).toBe("0");
    expect(sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'geo'::regnamespace")).toBe("0");
    expect(sql("SELECT count(*) FROM cron.job WHERE command LIKE 'CALL geo%'")).toBe("0");
    expect(sql("SELECT name FROM pgwright.libraries")).toBe("privileges");
    expect(sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgwright'::regnamespace AND proname ~ 'tier'")).toBe(
      "0",
    );
    await quiet();
  });

  it("go with the stack", async () => {
    await receiver.end();
    const { code, text } = await stack.destroy();
    expect(code, text).toBe(0);
    expect(stack.remains()).toEqual([]);
  });
});
