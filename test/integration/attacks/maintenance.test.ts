import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker, TestStack } from "../stack";
import { plant, TRAP } from "./trap";

// Code that the owner of a table has put into it, run by what pgwright does with partitions and vector indexes in an update, and by the
// way to the archive and back.

describe("code of a table's owner", () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await TestStack.create({
      roles: { owner: { login: true } },
      passwords: { owner: "password of owner" },
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

  async function asOwner(sql: string): Promise<void> {
    const client = await stack.connect("owner", "password of owner", "app");
    await client.query(sql).finally(() => client.end());
  }
  const nobody = () =>
    expect(stack.sql("app", "SELECT rolname FROM pg_roles WHERE rolname ~ '^(got_it|pgwright_run)'")).toBe("");

  it("is run as the owner while an update makes and fills partitions", async () => {
    const set = { kind: "integer", interval: 500, premake: 1, overflow: "drain" } as const;
    stack.configure(({ databases }) => {
      databases!.app!.partitions = { sets: { "data.events": { ...set } } };
    });
    await stack.up();
    expect(stack.sql("app", "SELECT count(*) FROM ONLY data.events_default")).toBe("0");
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
      .sql("app", "SELECT relname FROM pg_class WHERE relnamespace = 'old'::regnamespace AND relkind = 'r'")
      .split("\n");
    expect(name).toMatch(/^events_/);
    const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
    // A view in the place of the table: what it calls is the owner's.
    await asOwner(
      `ALTER TABLE old.${name} RENAME TO aside; CREATE VIEW old.${name} AS SELECT data.trap(id) AS id FROM old.aside`,
    );
    expect(() => agent("archive.sh", "app")).toThrow(
      /access to non-system view .* is restricted|was not dropped|is not a table/,
    );
    await asOwner(`DROP VIEW old.${name}; ALTER TABLE old.aside RENAME TO ${name}`);
    agent("archive.sh", "app");
    expect(stack.sql("app", `SELECT to_regclass('old.${name}') IS NULL`)).toBe("t");
    const { code, text } = await stack.cli("archive", "app", `old.${name}`);
    expect(code, text).toBe(0);
    expect(Number(stack.sql("app", `SELECT count(*) FROM old.${name}`))).toBeGreaterThan(0);
    expect(stack.sql("app", `SELECT tableowner FROM pg_tables WHERE tablename = '${name}'`)).toBe("owner");
    nobody();
  });
});
