import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { MIRROR } from "./mirror";
import { plant, TRAP } from "./trap";
import { InProcessStack } from "../in-process-stack";

// Code that the owner of a table has put into it, run by what pgwright does with partitions and vector indexes in an update, and by the
// way to the archive and back.

describe("code of a table's owner", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: { login: true }, keeper: { login: true, memberOf: ["owner"] } },
      passwords: { owner: "password of owner", keeper: "password of keeper" },
      databases: { app: { owner: "owner", schemas: { data: {}, old: {} }, extensions: { vector: {} } } },
      backup: { dumps: {} },
    });
    await stack.up();
    await asOwner(
      `${TRAP}
       CREATE TABLE data.events (id bigint NOT NULL, what text) PARTITION BY RANGE (id);
       CREATE TABLE data.events_default PARTITION OF data.events DEFAULT;
       ${plant("data.events").replaceAll("NOT VALID", "")}
       ALTER TABLE data.events NO FORCE ROW LEVEL SECURITY;
       INSERT INTO data.events (id) SELECT n FROM generate_series(1, 1000) AS n;
       CREATE TABLE data.papers (id bigint PRIMARY KEY, embedding public.vector(3));
       INSERT INTO data.papers SELECT n, ARRAY[n, n % 7, n % 11]::real[]::public.vector FROM generate_series(1, 300) AS n;
       ALTER TABLE data.papers ENABLE ROW LEVEL SECURITY;
       ALTER TABLE data.papers FORCE ROW LEVEL SECURITY;
       CREATE POLICY trap ON data.papers USING (data.trap(id) = id)`,
    );
  });
  afterAll(() => stack.dispose());

  async function asOwner(sql: string): Promise<Record<string, unknown>[]> {
    const client = await stack.connect("owner", "password of owner", "app");
    const { rows } = await client.query(sql).finally(() => client.end());
    return rows as Record<string, unknown>[];
  }
  const rowsOf = async (table: string) => (await asOwner(`SELECT count(*)::int AS n FROM ONLY ${table}`))[0]?.n;
  const nobody = () => {
    expect(stack.sql("app", "SELECT rolname FROM pg_roles WHERE rolname ~ '^(got_it|pgwright_run)'")).toBe("");
    const ran = stack.logs().match(/LOG: +CODE OF AN OWNER RUNS AS MORE.*/g) ?? [];
    expect(ran.filter((line) => !line.endsWith("psql TABLE pg_roles"))).toEqual([]); // the test's own
  };

  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);

  it("is run as the owner while an update makes and fills partitions", async () => {
    const set = { kind: "integer", interval: 500, premake: 1, overflow: "drain" } as const;
    stack.configure(({ databases }) => {
      databases!.app!.partitions = { sets: { "data.events": { ...set } } };
    });
    expect((await stack.preview()).messages).toEqual([expect.stringMatching(/the update creates its partitions/)]);
    await stack.up();
    expect(await rowsOf("data.events_default")).toBe(0);
    stack.configure(({ databases }) => {
      databases!.app!.partitions = { sets: { "data.events": { ...set, premake: 2 } } };
    });
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /the update runs these steps:[^]*\n +create data\.events_n2000 /,
    );
    nobody();
  });

  it("is run as the owner while a recall is measured", async () => {
    stack.configure(({ databases }) => {
      databases!.app!.vectors = {
        indexes: {
          "data.papers_embedding": {
            table: "data.papers",
            column: "embedding",
            distance: "l2",
            recall: { atLeast: 0.5 },
          },
        },
      };
    });
    expect(await stack.up()).toMatch(/recall@10/);
    nobody();
  });

  it("is run as the owner on the way to the archive and back", async () => {
    stack.configure(({ databases }) => {
      databases!.app!.partitions!.sets!["data.events"]!.retention = {
        age: 500,
        then: "archive",
        schema: "old",
        dump: true,
      };
    });
    await stack.up();
    const [name = ""] = stack
      .sql("app", "SELECT relname FROM pg_class WHERE relnamespace = 'old'::regnamespace AND relkind = 'r' ORDER BY 1")
      .split("\n");
    expect(name).toMatch(/^events_/);
    // A view in the place of the table: what it calls is the owner's.
    await asOwner(
      `ALTER TABLE old.${name} RENAME TO aside; CREATE VIEW old.${name} AS SELECT data.trap(id) AS id FROM old.aside`,
    );
    expect(() => agent("archive.sh", "app")).toThrow(/was not dropped: it has 499 rows, and its dump 0/);
    await asOwner(`DROP VIEW old.${name}; ALTER TABLE old.aside RENAME TO ${name}`);
    agent("archive.sh", "app");
    expect(stack.sql("app", `SELECT to_regclass('old.${name}') IS NULL`)).toBe("t");
    const { code, text } = await stack.cli("archive", "app", `old.${name}`);
    expect(code, text).toBe(0);
    expect(await rowsOf(`old.${name}`)).toBeGreaterThan(0);
    expect(stack.sql("app", `SELECT tableowner FROM pg_tables WHERE tablename = '${name}'`)).toBe("owner");
    nobody();
  });

  it("is not run by commands that only look", async () => {
    for (const command of ["preview", "drift", "status"]) await stack.cli(command);
    agent("backup.sh", "full");
    nobody();
  });

  it("is not run as the role of a job, whatever the sessions of the database begin with", async () => {
    stack.configure(({ databases }) => {
      databases!.app!.partitions!.role = "keeper";
      databases!.app!.partitions!.sets!["data.events"]!.premake = 3;
    });
    await stack.up();
    await asOwner(`${MIRROR} ALTER DATABASE app SET search_path = evil, pg_catalog`);
    const job = (statement: string) =>
      docker(
        ...["exec", "--env", "PGPASSWORD=password of keeper", stack.container, "psql", "-h", "127.0.0.1"],
        ...["-U", "keeper", "-d", "app", "-Atc", statement],
      );
    job("TABLE pg_roles");
    expect(stack.logs()).toMatch(/CODE OF AN OWNER RUNS AS MORE: psql TABLE pg_roles/);
    await asOwner("INSERT INTO data.events (id) VALUES (2400)");
    const seen = stack.logs().length;
    job("CALL pgwright.maintain_partitions()");
    job("CALL pgwright.measure_vectors()");
    expect(stack.logs().slice(seen)).not.toMatch(/CODE OF AN OWNER RUNS AS MORE/);
    expect(await asOwner("SELECT pg_catalog.count(*)::int AS n FROM data.events_n3500")).toEqual([{ n: 0 }]);
    await asOwner("ALTER DATABASE app RESET search_path");
  });

  it("is not run by the job of another role, unless the stack file says so", async () => {
    stack.configure(({ databases }) => delete databases!.app!.partitions!.role);
    stack.sql("app", "CREATE ROLE other; GRANT other TO owner; GRANT CREATE ON SCHEMA data TO other");
    stack.sql("app", "ALTER TABLE data.events OWNER TO other");
    expect((await stack.preview()).messages.join("\n")).toMatch(
      /data\.events belongs to other, but the job that maintains partitions runs as owner, .*; set partitions\.role/,
    );
    stack.sql("app", "UPDATE pgwright.partition_sets SET maintainer = NULL");
    await expect(asOwner("CALL pgwright.maintain_partitions()")).rejects.toMatchObject({
      detail: expect.stringMatching(/data\.events belongs to other, and role owner would run code of this owner/),
    });
    stack.sql("app", "ALTER TABLE data.events OWNER TO owner; DROP OWNED BY other; DROP ROLE other");
    stack.configure(({ databases }) => (databases!.app!.partitions!.role = "keeper"));
    await stack.up();
  });

  it("in a schema that has the name of pgwright's own is not run, but refused", async () => {
    stack.sql("postgres", "CREATE DATABASE second OWNER owner");
    const client = await stack.connect("owner", "password of owner", "second");
    await client.query(
      `CREATE SCHEMA data; CREATE SCHEMA pgwright; GRANT USAGE ON SCHEMA data, pgwright TO PUBLIC; ${TRAP}
       CREATE VIEW pgwright.libraries AS SELECT 'partitions' AS name, data.trap(1)::text AS files, '' AS routines;
       CREATE TABLE pgwright.partition_sets (parent text DEFAULT data.trap(1)::text)`,
    );
    await client.end();
    stack.configure(({ databases }) => {
      databases!.second = { owner: "owner", schemas: { data: {} }, partitions: { sets: {} } };
    });
    const refusal = /database second: schema pgwright belongs to owner, which is not a superuser/;
    expect((await stack.preview()).messages.join("\n")).toMatch(refusal);
    expect((await stack.tryUp()).text).toMatch(refusal);
    nobody();
  });
});
