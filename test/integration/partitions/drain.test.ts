import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "../in-process-stack";

const NOW = "2026-11-20Z";
const ROOT = "publish_via_partition_root = true";

describe("rows that leave DEFAULT", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      server: { cronDatabase: "app", settings: { wal_level: "logical", max_worker_processes: 24 } },
      roles: { owner: {}, keeper: { login: true, password: false, memberOf: ["owner"] } },
      databases: {
        app: {
          owner: "owner",
          schemas: { data: {}, other: {} },
          extensions: { vector: {} },
          grants: { keeper: { database: ["CONNECT"] } },
          partitions: { role: "keeper", schedule: "0 0 1 1 *", sets: {} },
        },
        subscriber: { owner: "owner" },
      },
    });
    await stack.up();
  });
  afterAll(() => stack?.dispose());

  const sql = (text: string) => stack.sql("app", text);
  /** Each statement is a transaction of its own, which publications and slots need. */
  const subscriber = (...statements: string[]) =>
    statements.map((text) => stack.sql("subscriber", text)).at(-1) as string;

  /** A set with rows of two far-off months in DEFAULT: made by its owner, and drained. */
  function create(table: string, { columns = "", key = "PRIMARY KEY (id, at)", schema = "data", rows = 20, sub = "" }) {
    sql(
      `SET ROLE owner;
       CREATE TABLE ${schema}.${table} (id bigint, at timestamptz, note text ${columns}, ${key}) PARTITION BY RANGE (at);
       CREATE TABLE ${schema}.${table}_default PARTITION OF ${schema}.${table} DEFAULT`,
    );
    sql(
      `INSERT INTO pgwright.partition_sets (parent, kind, interval, premake, overflow, sub)
       VALUES ('${schema}.${table}', 'time', '1 month', 1, 'drain', ${sub ? `'${sub}'` : "NULL"})`,
    );
    add(`${schema}.${table}`, rows);
  }
  const add = (table: string, rows: number) =>
    sql(
      `INSERT INTO ${table} (id, at, note) SELECT i, '2025-02-27Z'::timestamptz + i * interval '4 hours', 'note ' || i FROM generate_series(1, ${rows}) AS i`,
    );

  const plan = (table: string) =>
    sql(
      `SELECT DISTINCT action FROM pgwright.partition_plan(pgwright.partition_set('${table}'), '${NOW}') WHERE row_count > 0 ORDER BY 1`,
    );
  /** The job's run; what it has to say if it fails. */
  async function maintain(table: string): Promise<string> {
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "app");
    try {
      await client.query("UPDATE pgwright.partition_sets SET maintainer = 'keeper'; SET SESSION AUTHORIZATION keeper");
      await client.query(`CALL pgwright.maintain_partitions('${NOW}', '${table}')`);
      return "";
    } catch (error) {
      const { detail, message } = error as { detail?: string; message: string };
      return detail ?? message;
    } finally {
      await client.end();
    }
  }
  const inDefault = (table: string) => sql(`SELECT count(*) FROM ${table}_default`);
  const all = (table: string, where: "app" | "subscriber" = "app") =>
    stack.sql(where, `SELECT id, at AT TIME ZONE 'UTC', note FROM ${table} ORDER BY id, at`);

  /** Until the subscriber has what the server has, or no more comes. */
  async function arrived(table: string): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      if (all(table, "subscriber") === all(table)) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(all(table, "subscriber")).toBe(all(table));
  }

  /** A subscriber in the other database. Its slot is made first: a server cannot wait for itself. */
  function subscribe(name: string): void {
    sql(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
    subscriber(
      `CREATE SUBSCRIPTION ${name} CONNECTION 'dbname=app user=postgres host=/var/run/postgresql' PUBLICATION ${name}
       WITH (create_slot = false, slot_name = '${name}')`,
    );
  }
  const synchronised = async (name: string, relations: number) => {
    for (let tries = 0; tries < 100; tries += 1) {
      if (
        subscriber(
          `SELECT count(*) FROM pg_subscription_rel AS r JOIN pg_subscription AS s ON s.oid = r.srsubid WHERE subname = '${name}' AND srsubstate = 'r'`,
        ) === String(relations)
      )
        return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`the tables of ${name} were not copied`);
  };

  const SUB = JSON.stringify({ by: "hash", column: "id", modulus: 2 });
  it.each([
    { name: "named", publication: `FOR TABLE data.named WITH (${ROOT})`, action: "create" },
    { name: "divided", publication: `FOR TABLE data.divided WITH (${ROOT})`, action: "create", sub: SUB },
    { name: "of_schema", publication: `FOR TABLES IN SCHEMA other WITH (${ROOT})`, action: "create", schema: "other" },
    // What deletes rows and inserts them would be heard of by half.
    { name: "inserts", publication: `FOR TABLE data.inserts WITH (${ROOT}, publish = 'insert')`, action: "drain" },
    { name: "deletes", publication: `FOR TABLE data.deletes WITH (${ROOT}, publish = 'delete')`, action: "drain" },
  ])(
    "are each once at a subscriber of a publication $publication",
    async ({ name, publication, action, schema = "data", sub }) => {
      const table = `${schema}.${name}`;
      create(name, { schema, sub });
      subscriber(
        `CREATE SCHEMA IF NOT EXISTS ${schema}`,
        `CREATE TABLE ${table} (id bigint, at timestamptz, note text, PRIMARY KEY (id, at))`,
      );
      sql(`CREATE PUBLICATION ${name} ${publication}`);
      subscribe(name);
      await synchronised(name, 1);
      await arrived(table);
      expect(plan(table)).toBe(action);
      expect(await maintain(table)).toBe("");
      expect(await maintain(table)).toBe("");
      expect(inDefault(table)).toBe("0");
      expect(plan(table)).toBe("");
      // Behind what the drain has sent.
      sql(`INSERT INTO ${table} VALUES (1000, '${NOW}', 'the last')`);
      if (name === "deletes") subscriber(`INSERT INTO ${table} VALUES (1000, '${NOW}', 'the last')`);
      await arrived(table);
      if (name === "deletes") {
        sql(`DELETE FROM ${table} WHERE id < 3`);
        await arrived(table);
      }
      subscriber(`DROP SUBSCRIPTION ${name}`);
      sql(`DROP PUBLICATION ${name}`);
    },
  );

  it("are each once at a subscriber that has the partitions itself, once it has the new ones too", async () => {
    create("leaves", {});
    const tables = [
      "CREATE TABLE data.leaves (id bigint, at timestamptz, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)",
      "CREATE TABLE data.leaves_default PARTITION OF data.leaves DEFAULT",
    ];
    subscriber("CREATE SCHEMA IF NOT EXISTS data", ...tables);
    sql("CREATE PUBLICATION leaves FOR TABLE data.leaves");
    subscribe("leaves");
    await synchronised("leaves", 1);
    await arrived("data.leaves");
    expect(plan("data.leaves")).toBe("create");
    expect(await maintain("data.leaves")).toBe("");
    const partitions = sql(
      `SELECT format('%s|%s', inhrelid::regclass, pg_get_expr(relpartbound, c.oid)) FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid
       WHERE inhparent = 'data.leaves'::regclass AND relname <> 'leaves_default'`,
    )
      .split("\n")
      .map((line) => line.split("|") as [name: string, bound: string]);
    // The subscription has stopped at the first row of a table that it does not know.
    for (const [name] of partitions) subscriber(`CREATE TABLE ${name} (LIKE data.leaves INCLUDING ALL)`);
    for (let tries = 0; tries < 50 && subscriber("SELECT count(*) FROM data.leaves_default") !== "0"; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 200));
    for (const [name, bound] of partitions) subscriber(`ALTER TABLE data.leaves ATTACH PARTITION ${name} ${bound}`);
    subscriber("ALTER SUBSCRIPTION leaves REFRESH PUBLICATION");
    await synchronised("leaves", partitions.length + 1);
    await arrived("data.leaves");
    subscriber("DROP SUBSCRIPTION leaves");
    sql("DROP PUBLICATION leaves");
  });

  it("stay where a subscriber would lose them or have them twice, and the run says why", async () => {
    create("refused", {});
    sql("CREATE PUBLICATION refused FOR TABLE data.refused WITH (publish = 'insert')");
    expect(plan("data.refused")).toBe("drain");
    expect(await maintain("data.refused")).toMatch(
      /cannot be moved to partitions while it is in use.*\n.*publication refused would send its rows under the names of the partitions.*ALTER PUBLICATION refused SET/,
    );
    expect(inDefault("data.refused")).toBe("20");
    sql("DROP PUBLICATION refused; CREATE PUBLICATION refused FOR TABLE data.refused_default");
    expect(await maintain("data.refused")).toMatch(
      /publication refused names it; ALTER PUBLICATION refused DROP TABLE/,
    );
    sql("DROP PUBLICATION refused");
    expect(await maintain("data.refused")).toBe("");
    expect(inDefault("data.refused")).toBe("0");
  });

  it.each(["NO ACTION", "CASCADE", "SET NULL"])(
    "keep what points at them, by a foreign key ON DELETE %s",
    async (act) => {
      const table = `pointed_${act.toLowerCase().replace(" ", "_")}`;
      create(table, {});
      sql(
        `SET ROLE owner; CREATE TABLE data.of_${table} (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES data.${table} ON DELETE ${act});
       INSERT INTO data.of_${table} SELECT id, at FROM data.${table}`,
      );
      expect(plan(`data.${table}`)).toBe("drain");
      expect(await maintain(`data.${table}`)).toBe("");
      expect(inDefault(`data.${table}`)).toBe("0");
      expect(sql(`SELECT count(*) FROM data.${table} JOIN data.of_${table} USING (id, at)`)).toBe("20");
      expect(
        sql(`SELECT convalidated FROM pg_constraint WHERE conrelid = 'data.of_${table}'::regclass AND conparentid = 0`),
      ).toBe("t");
    },
  );

  it("are copied where the move would build a vector index under the lock", async () => {
    create("vectors", { columns: ", embedding public.vector(3) DEFAULT '[1,2,3]'", rows: 90 });
    sql("SET ROLE owner; CREATE INDEX ON data.vectors USING hnsw (embedding public.vector_l2_ops)");
    expect(plan("data.vectors")).toBe("create");
    sql("TRUNCATE data.vectors");
    add("data.vectors", 200);
    expect(plan("data.vectors")).toBe("drain");
    expect(await maintain("data.vectors")).toBe("");
    expect(inDefault("data.vectors")).toBe("0");
    expect(
      sql(
        "SELECT count(*) FROM pg_partition_tree('data.vectors') AS t WHERE isleaf AND NOT EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam WHERE i.indrelid = t.relid AND i.indisvalid AND m.amname = 'hnsw')",
      ),
    ).toBe("0");
  });

  it("stay if a table points at them that cannot let go, and move if none does", async () => {
    create("tree", { columns: ", above bigint, above_at timestamptz" });
    sql("ALTER TABLE data.tree ADD FOREIGN KEY (above, above_at) REFERENCES data.tree ON DELETE CASCADE");
    expect(plan("data.tree")).toBe("create");
    expect(await maintain("data.tree")).toBe("");
    expect(inDefault("data.tree")).toBe("0");
    sql(
      `INSERT INTO data.tree (id, at, above, above_at) VALUES (1, '2024-05-05Z', NULL, NULL), (2, '${NOW}', 1, '2024-05-05Z')`,
    );
    expect(plan("data.tree")).toBe("drain");
    expect(await maintain("data.tree")).toMatch(
      /foreign key tree_above_above_at_fkey of data.tree, which references the table itself/,
    );
    expect(sql("SELECT count(*) FROM data.tree WHERE id <= 2 AND note IS NULL")).toBe("2");
  });

  it.each([
    { table: "plain", sub: "", published: false },
    { table: "published", sub: "", published: true },
    { table: "parted", sub: SUB, published: false },
  ])("are as they were, in a table that is $table", async ({ table: name, sub, published }) => {
    const table = `data.${name}`;
    sql(
      `SET ROLE owner;
       CREATE OR REPLACE FUNCTION data.meddle() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN IF TG_OP = 'DELETE' THEN RETURN NULL; END IF; NEW.note := 'meddled'; RETURN NEW; END$$;
       CREATE TABLE IF NOT EXISTS data.kinds (kind int PRIMARY KEY);
       INSERT INTO data.kinds VALUES (7) ON CONFLICT DO NOTHING`,
    );
    const kind = "kind int DEFAULT 7 REFERENCES data.kinds DEFERRABLE INITIALLY DEFERRED";
    const doubled = "doubled bigint NOT NULL GENERATED ALWAYS AS (id * 2) STORED";
    create(name, { columns: `, ${kind}, ${doubled}, number int GENERATED ALWAYS AS IDENTITY`, sub });
    sql(
      `CREATE TRIGGER always BEFORE INSERT OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION data.meddle();
       CREATE TRIGGER off BEFORE INSERT OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION data.meddle();
       CREATE TRIGGER origin BEFORE INSERT OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION data.meddle();
       ALTER TABLE ${table} ENABLE ALWAYS TRIGGER always;
       ALTER TABLE ${table} DISABLE TRIGGER off`,
    );
    if (published) sql(`CREATE PUBLICATION ${name} FOR TABLE ${table} WITH (${ROOT})`);
    const rows = () => sql(`SELECT * FROM ${table} ORDER BY id`);
    const before = rows();
    expect(plan(table)).toBe("create");
    expect(await maintain(table)).toBe("");
    expect(inDefault(table)).toBe("0");
    expect(rows()).toBe(before);
    expect(before).not.toContain("meddled");
    expect(
      sql(
        `SELECT string_agg(DISTINCT concat_ws(' ', tgname, tgenabled), ', ' ORDER BY concat_ws(' ', tgname, tgenabled)) FROM pg_trigger
         WHERE NOT tgisinternal AND tgrelid IN (SELECT relid FROM pg_partition_tree('${table}'))`,
      ),
    ).toBe("always A, off D, origin O");
    expect(sql(`SELECT count(*) FROM pg_class WHERE relname LIKE '%_moving'`)).toBe("0");
  });
});
