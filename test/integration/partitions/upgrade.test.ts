import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Properties } from "../../../provider/kind";
import { readLibrary } from "../../../sql/read";
import type { ResourceState } from "../../engine/resource-state";
import { InProcessStack } from "../in-process-stack";
import { keeperStack, MIGRATIONS } from "./keeper-stack";

const VERSION = readLibrary("partitions").steps.length;

/** The tables as a pgwright without steps has created them; its routines would not be used. */
const WITHOUT_STEPS = `
  ALTER TABLE pgwright.partition_sets RENAME COLUMN interval TO step;
  ALTER TABLE pgwright.partition_sets RENAME COLUMN start TO start_at;
  ALTER TABLE pgwright.partition_sets RENAME COLUMN values TO members;
  UPDATE pgwright.partition_sets SET members = jsonb_build_object('modulus', modulus) WHERE kind = 'hash';
  UPDATE pgwright.partition_sets SET sub = sub - 'values' || jsonb_build_object('partitions', sub -> 'values') WHERE sub ? 'values';
  ALTER TABLE pgwright.partition_sets DROP COLUMN modulus;
  ALTER TABLE pgwright.partition_sets DROP COLUMN attention CASCADE;
  ALTER TABLE pgwright.libraries DROP COLUMN version;
  UPDATE pgwright.libraries SET files = 'of an earlier version' WHERE name = 'partitions'`;

/** Inputs or state of a set, as a pgwright without steps has written them. */
function withFormerNames({ interval, start, values, modulus, sub, ...set }: Properties): Properties {
  const { values: partitions, ...parts } = (sub ?? {}) as Properties;
  const former = {
    step: interval,
    startAt: start,
    members: values ?? (modulus === undefined ? undefined : { modulus }),
    sub: sub && { ...parts, partitions },
  };
  return JSON.parse(JSON.stringify({ ...set, ...former })) as Properties;
}

describe("the library of an earlier pgwright", () => {
  let stack: InProcessStack;
  let rows = "";
  const sql = (text: string) => stack.sql("app", text);
  const sets = () =>
    sql("SELECT jsonb_agg(to_jsonb(s) - 'attention' ORDER BY s.parent) FROM pgwright.partition_sets AS s");
  const known = () => sql("SELECT jsonb_agg(to_jsonb(k) ORDER BY k.name) FROM pgwright.partitions_known AS k");
  const version = () => sql("SELECT version FROM pgwright.libraries WHERE name = 'partitions'");
  const changes = async () => (await stack.preview("--refresh")).changes.map(({ op, kind }) => `${op} ${kind}`);
  const quiet = async () => {
    const { code, text } = await stack.unchanged();
    expect(code, text).toBe(0);
  };

  beforeAll(async () => {
    const sub = { by: "list" as const, column: "tenant", values: { one: ["1"] } };
    stack = await InProcessStack.create(
      keeperStack(
        { migrations: MIGRATIONS },
        {
          "data.events": { interval: "1 month", start: "2026-01-15", sub },
          "data.tenants": { kind: "list", values: { eu: ["de", "fr"] } },
          "data.users": { kind: "hash", modulus: 3 },
        },
      ),
    );
    await stack.up();
    rows = sets() + known();
  });
  afterAll(() => stack?.dispose());

  it("gets each missing step once, and keeps the rows of its tables", async () => {
    expect(version()).toBe(String(VERSION));
    sql(WITHOUT_STEPS);
    expect(await changes()).toEqual(["update Library"]);
    await stack.up();
    expect(version()).toBe(String(VERSION));
    expect(sets() + known()).toBe(rows);
    await quiet();
    // Other files, the same tables: no step is missing.
    sql("UPDATE pgwright.libraries SET files = 'of an earlier version' WHERE name = 'partitions'");
    expect(await changes()).toEqual(["update Library"]);
    await stack.up();
    expect(sets() + known()).toBe(rows);
    await quiet();
  });

  it("gets the steps after its version only", async () => {
    sql(`${WITHOUT_STEPS}; ALTER TABLE pgwright.libraries ADD COLUMN version int NOT NULL DEFAULT 1;
      ALTER TABLE pgwright.partition_sets ADD COLUMN attention text`);
    await stack.up();
    expect(version()).toBe(String(VERSION));
    expect(sets() + known()).toBe(rows);
    await quiet();
  });

  it("has other names in the state, which are no difference", async () => {
    await stack.handOver("import");
    const { deployment } = await stack.state();
    for (const resource of deployment.resources as unknown as ResourceState[]) {
      if (resource.type !== "pgwright:index:PartitionSet") continue;
      resource.inputs = withFormerNames(resource.inputs);
      resource.outputs = withFormerNames(resource.outputs);
    }
    const file = join(stack.folder, "former-names.json");
    writeFileSync(file, JSON.stringify({ version: 3, deployment }));
    const { code, text } = await stack.run("stack", "import", "--file", file, "--stack", stack.name);
    expect(code, text).toBe(0);
    expect(JSON.stringify(await stack.state())).toMatch('"startAt":"2026-01-15"');
    const drift = await stack.cli("drift");
    expect(drift.code, drift.text).toBe(0);
    await quiet();
    sql(WITHOUT_STEPS);
    expect(await changes()).toEqual(["update Library"]);
    await stack.up();
    expect(sets() + known()).toBe(rows);
    expect(JSON.stringify(await stack.state())).not.toMatch("startAt");
  });

  it("is refused if its tables are of a newer version, before anything is changed", async () => {
    const newer = "UPDATE pgwright.libraries SET version = 99, files = 'of a newer version' WHERE name = 'partitions'";
    const refusal = new RegExp(
      `database app: the tables of library partitions have version 99, and this pgwright knows versions up to ${VERSION}; use the pgwright`,
    );
    sql(newer);
    const routines =
      "SELECT string_agg(p.oid::text, ',' ORDER BY p.oid) FROM pg_proc AS p WHERE p.proname ~ '^partition'";
    const before = sql(routines);
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(refusal);
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(refusal);
    expect(version()).toBe("99");
    expect(sql(routines)).toBe(before);
    expect(sets() + known()).toBe(rows);
    sql(`UPDATE pgwright.libraries SET version = ${VERSION} WHERE name = 'partitions'`);
    await stack.up();
    await quiet();
  });

  it("leaves nothing when it is dropped", async () => {
    stack.configure((each) => delete each.databases?.app?.partitions);
    await stack.up();
    expect(
      sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'pgwright'::regnamespace AND relname ~ 'partition'"),
    ).toBe("0");
  });
});
