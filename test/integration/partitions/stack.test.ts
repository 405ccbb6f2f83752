import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StackInput } from "../../../config/stack";
import { InProcessStack } from "../in-process-stack";
import { MIGRATIONS } from "./keeper-stack";

const config: StackInput = {
  server: { cronDatabase: "app" },
  roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] }, reader: {} },
  databases: {
    app: {
      owner: "owner",
      schemas: { data: {}, archive: {} },
      migrations: MIGRATIONS,
      grants: {
        keeper: { database: ["CONNECT"] },
        reader: { schemas: { data: { schema: ["USAGE"], tables: ["SELECT"] } } },
      },
      partitions: {
        role: "keeper",
        schedule: "0 4 1 1 *",
        sets: {
          "data.events": {
            interval: "1 month",
            premake: 2,
            start: "2026-01-15",
            sub: { by: "hash", column: "tenant", modulus: 2 },
          },
          "data.logs": { interval: "1 day", premake: 1, overflow: "drain", retention: { count: 3, then: "drop" } },
          "data.tenants": { kind: "list", values: { eu: ["de", "fr"], us: ["us"] } },
          "data.users": { kind: "hash", modulus: 3 },
        },
      },
    },
  },
};

describe("sets of partitions of a stack", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create(structuredClone(config));
    await stack.up();
  });
  afterAll(() => stack.dispose());

  const sets = () => stack.config.databases?.app?.partitions?.sets ?? {};
  const partitions = (table: string) =>
    stack
      .sql("app", `SELECT relid::regclass FROM pg_partition_tree('${table}') WHERE level = 1 ORDER BY 1`)
      .split("\n")
      .filter(Boolean);
  /** Runs the maintenance as its job does. */
  const maintain = async (now: string) => {
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
    await client.query("SET SESSION AUTHORIZATION keeper");
    await client.query(`CALL pgwright.maintain_partitions(${now})`);
    await client.end();
  };
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };

  it("have their partitions after the first up, in their owner's hands", async () => {
    const now = new Date();
    const months = (now.getUTCFullYear() - 2026) * 12 + now.getUTCMonth() + 1;
    expect(partitions("data.events")).toHaveLength(months + 2);
    expect(partitions("data.events")[0]).toBe("data.events_y2026m01");
    expect(stack.sql("app", "SELECT count(*) FROM pg_partition_tree('data.events') WHERE level = 2")).toBe(
      String(2 * (months + 2)),
    );
    expect(partitions("data.logs")).toHaveLength(3);
    expect(partitions("data.tenants")).toEqual(["data.tenants_eu", "data.tenants_us"]);
    expect(partitions("data.users")).toHaveLength(3);
    const owners =
      "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'data'::regnamespace AND relkind IN ('r', 'p')";
    expect(stack.sql("app", owners)).toBe("owner");
    await quiet();
  });

  it("stay as the stack file says while their job makes and drops partitions", async () => {
    const before = partitions("data.logs");
    await maintain("now() + interval '5 days'");
    const after = partitions("data.logs");
    expect(after).toHaveLength(5); // DEFAULT, three that have begun, one ahead
    expect(before.filter((name) => !after.includes(name))).not.toEqual([]);
    await quiet();
  });

  it("show in a preview what the next run makes and drops, with rows", async () => {
    stack.sql("app", "INSERT INTO data.logs SELECT now() + interval '40 days', 'x' FROM generate_series(1, 7)");
    stack.configure(() =>
      Object.assign(sets()["data.logs"] ?? {}, { premake: 9, retention: { age: "8 days", then: "drop" } }),
    );
    const { changes, messages } = await stack.preview();
    expect(changes.map(({ kind }) => kind)).toEqual(["PartitionSet"]);
    expect(messages.join("\n")).toMatch(/create data\.logs_y\d{4}m\d\dd\d\d FROM .*with 7 rows out of DEFAULT/);
    await stack.up();
    await quiet();
  });

  it("notice what was done by hand, and put it back", async () => {
    stack.sql(
      "app",
      `ALTER TABLE data.events DETACH PARTITION data.events_y2026m02;
       ALTER TABLE data.events_y2026m03 RENAME TO mine;
       CREATE TABLE data.events_old PARTITION OF data.events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01') PARTITION BY HASH (tenant)`,
    );
    const { changes, messages } = await stack.preview();
    expect(changes.map(({ kind }) => kind)).toEqual(["PartitionSet"]);
    const said = messages.join("\n");
    expect(said).toMatch(/data\.events_y2026m02: detached outside of pgwright/);
    expect(said).toMatch(/data\.events_y2026m03: renamed outside of pgwright to data\.mine/);
    expect(said).toMatch(/data\.events_old: attached outside of pgwright/);
    await stack.up();
    expect(partitions("data.events")).toContain("data.events_y2026m02");
    expect(partitions("data.events")).toContain("data.events_y2026m03");
    await quiet();
  });

  it("say that their table is not there, and what to do", async () => {
    stack.configure(() => (sets()["data.absent"] = { interval: "1 day" }));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /data\.absent: the table does not exist; the update fails unless one of its migrations creates it/,
    );
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(
      /table data\.absent does not exist; create it by a migration, or remove its set from the stack file/,
    );
    expect(text).not.toMatch(/may not maintain/);
    stack.configure(() => delete sets()["data.absent"]);
    await stack.up();
    expect(stack.sql("app", "SELECT count(*) FROM pgwright.partition_sets WHERE parent = 'data.absent'")).toBe("0");
  });

  it("show a table's row security that its partitions do not have, and what is left undone", async () => {
    stack.sql("app", "SET ROLE owner; ALTER TABLE data.logs ENABLE ROW LEVEL SECURITY");
    expect((await stack.preview("--refresh")).messages.join("\n")).toMatch(
      /data\.logs_y\d{4}m\d\dd\d\d: lacks the row security of data\.logs/,
    );
    await stack.up();
    await quiet();
    expect(
      stack.sql(
        "app",
        "SELECT bool_and(relrowsecurity) FROM pg_class WHERE oid IN (SELECT relid FROM pg_partition_tree('data.logs'))",
      ),
    ).toBe("t");
    // By guard, rows stay in DEFAULT.
    stack.sql("app", "INSERT INTO data.logs SELECT now() + interval '20 days', 'x'");
    const { premake, overflow } = sets()["data.logs"] ?? {};
    stack.configure(() => Object.assign(sets()["data.logs"] ?? {}, { premake: 22, overflow: "guard" }));
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /data\.logs_y\d{4}m\d\dd\d\d: FOR VALUES FROM .* is not created, because DEFAULT has rows for it; move or delete them/,
    );
    expect(await stack.up()).toMatch(/is not created, because DEFAULT has rows for it/);
    await quiet();
    stack.configure(() => Object.assign(sets()["data.logs"] ?? {}, { premake, overflow }));
    await stack.up();
  });

  it("are maintained by a job, whose runs are reported", async () => {
    stack.configure((each) => Object.assign(each.databases?.app?.partitions ?? {}, { schedule: "1 second" }));
    await stack.up();
    for (let tries = 0; tries < 60; tries += 1) {
      if (stack.sql("app", "SELECT count(*) FROM cron.job_run_details WHERE status = 'succeeded'") !== "0") break;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const runs =
      "SELECT DISTINCT status || ' ' || coalesce(return_message, '') FROM cron.job_run_details WHERE status <> 'running'";
    expect(stack.sql("app", runs)).toMatch(/^succeeded/);
    expect(stack.sql("app", "SELECT bool_or(overdue OR last_error IS NOT NULL) FROM pgwright.partition_health")).toBe(
      "f",
    );
  });

  it("refuse what their table cannot be, in the preview", async () => {
    stack.configure(() => (sets()["data.tenants"] = { interval: "1 day" }));
    const { code, messages } = await stack.preview();
    expect(code).not.toBe(0);
    expect(messages.join("\n")).toMatch(/data\.tenants is partitioned by LIST, and its set declares time/);
    stack.configure(() => (sets()["data.tenants"] = { kind: "list", values: { eu: ["de", "fr"], us: ["us"] } }));
  });

  it("leave tables and rows alone when they are taken out", async () => {
    const before = partitions("data.events");
    stack.configure((each) => delete each.databases?.app?.partitions);
    await stack.up();
    expect(partitions("data.events")).toEqual(before);
    expect(
      stack.sql(
        "app",
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgwright'::regnamespace AND proname ~ 'partition'",
      ),
    ).toBe("0");
    await quiet();
  });
});
