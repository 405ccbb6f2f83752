import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDrills } from "../../../backup/ledgers";
import { docker } from "../stack";
import { plant, TRAP } from "./trap";
import { InProcessStack } from "../in-process-stack";

// Code that the owner of a table has put into it, run by what pgwright does with the table: none of it may do more than its owner.

describe("code that the owner of a table has put into it", () => {
  let stack: InProcessStack;
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: { login: true }, other: {} },
      passwords: { owner: "password of owner" },
      databases: { app: { owner: "owner", schemas: { data: {} }, extensions: { vector: {} } } },
      backup: { dumps: {} },
    });
    await stack.up();
    await asOwner(
      `${TRAP}
       CREATE TABLE data.t (id bigint PRIMARY KEY, name text);
       ${plant("data.t")}
       INSERT INTO data.t (id, name) SELECT n, 'name ' || n FROM generate_series(1, 100) AS n;
       CREATE VIEW data.v AS SELECT data.trap(id) AS id FROM data.t`,
    );
  });
  afterAll(() => stack.dispose());

  async function asOwner(sql: string): Promise<void> {
    const client = await stack.connect("owner", "password of owner", "app");
    await client.query(sql).finally(() => client.end());
  }
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  /** Nobody became a superuser, and no role of a run is left. */
  const nobody = (database = "app") =>
    expect(stack.sql(database, "SELECT rolname FROM pg_roles WHERE rolname ~ '^(got_it|pgwright_run)'")).toBe("");

  it("is found by the test itself: a superuser's session runs it", () => {
    expect(() => stack.sql("app", "SELECT count(*) FROM data.v")).toThrow(/AS MORE THAN ITS ROLE/);
    expect(() => stack.sql("app", "SELECT count(*) FROM data.t WHERE id = 3")).toThrow(/AS MORE THAN ITS ROLE/);
  });

  it("is run by the mask of a copy as the owner", async () => {
    const file = join(stack.folder, "mask.sql");
    writeFileSync(
      file,
      "UPDATE data.t SET name = 'nobody';\nINSERT INTO data.t (id) VALUES (0);\nSELECT data.seize();\n",
    );
    stack.configure(({ databases }) => {
      databases!.copy = {
        owner: "other",
        copyOf: { database: "app", run: [file] },
        schemas: { data: { owner: "owner" } },
      };
    });
    expect(await stack.up()).toMatch(/ran \S+mask\.sql \(3 statements\) as role owner/);
    nobody();
  });

  it("is run by a drill as the owner, in the copy and at the mark", async () => {
    stack.configure(({ backup }) => {
      backup!.drill = {
        checks: [
          { database: "app", query: "SELECT count(*) = 100 FROM data.v" },
          { database: "app", query: "SELECT data.seize()" },
          { database: "app", query: "SELECT session_user <> 'postgres' AND current_user = 'owner'" },
          { database: "app", query: "SELECT session_user = 'postgres'", role: "postgres" },
          { database: "app", query: "SELECT count(*) > 1000 FROM data.t" }, // not yet
        ],
        tables: { app: ["data.t", "data.v"] },
      };
    });
    const text = await stack.up();
    expect(text).toMatch(/SELECT count\(\*\) > 1000 FROM data\.t: not yet: f, as on the server/);
    const checks = () => parseDrills(agent("cat", "/var/lib/pgwright/drills.jsonl")).at(-1)?.checks ?? [];
    expect(checks().filter(({ what }) => /^rows of data.[tv] in app$/.test(what))).toMatchObject([
      { passed: true, detail: expect.stringMatching(/^100/) },
      { passed: true, detail: expect.stringMatching(/^100/) },
    ]);
    nobody();
    const { code } = await stack.cli("drill");
    expect(code).not.toBe(0);
    expect(checks().filter(({ passed }) => !passed)).toEqual([
      { what: "SELECT count(*) > 1000 FROM data.t", passed: false, detail: "f" },
    ]);
    nobody();
  });
});
