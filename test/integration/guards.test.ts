import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InProcessStack } from "./in-process-stack";

describe("what a change would take along", () => {
  let stack: InProcessStack;
  const messages = async () => (await stack.preview()).messages.join("\n");

  beforeAll(async () => {
    stack = await InProcessStack.create({
      backup: { repositories: [{}, {}] },
      roles: { owner: {} },
      databases: {
        app: { owner: "owner", schemas: { data: {} }, extensions: { pg_trgm: {}, vector: {} } },
        old: { owner: "owner" },
      },
    });
    await stack.up();
    stack.sql("old", "CREATE TABLE a AS SELECT generate_series(1, 100000) AS n; CREATE TABLE b (n int)");
    stack.sql(
      "app",
      "CREATE TABLE data.t (name text, embedding vector(3)); CREATE INDEX ON data.t USING gin (name gin_trgm_ops)",
    );
  }, 900_000);
  afterAll(() => stack?.dispose());

  it("is reported: a database, with what is in it and who is connected", async () => {
    stack.configure((config) => delete config.databases!.old);
    const client = await stack.connect("postgres", await stack.output("superuserPassword"), "old");
    expect(await messages()).toMatch(
      /DATA LOSS: database old is dropped with all its objects, 2 tables, \d+ MB; a session is terminated/,
    );
    await client.end();
    expect(await messages()).toMatch(/database old is dropped with all its objects, 2 tables, \d+ MB$/m);
  });

  it("is reported: a schema with what it holds", async () => {
    stack.configure((config) => {
      config.databases!.old = { owner: "owner" };
      config.databases!.app = {
        owner: "owner",
        schemas: {},
        dropSchemas: ["data"],
        extensions: { pg_trgm: {}, vector: {} },
      };
    });
    expect(await messages()).toMatch(
      /DATA LOSS: schema data of database app is dropped with all its objects: table data.t/,
    );
    stack.configure(
      (config) =>
        (config.databases!.app = { owner: "owner", schemas: { data: {} }, extensions: { pg_trgm: {}, vector: {} } }),
    );
  });

  it("is reported: the backups of a repository that is left out", async () => {
    stack.configure((config) => (config.backup = { repositories: [{}] }));
    expect(await messages()).toMatch(/DATA LOSS: volume \S+-backup2 is removed, with the backups in it/);
    stack.configure((config) => (config.backup = { keep: true, repositories: [{}, {}] }));
    expect(await messages()).not.toMatch(/DATA LOSS/);
    stack.configure((config) => (config.backup = { repositories: [{}, {}] }));
  });

  it("is reported: what an extension is used by", async () => {
    stack.configure((config) => (config.databases!.app!.extensions = {}));
    const reported = await messages();
    expect(reported).toMatch(
      /extension pg_trgm of database app cannot be dropped while it is used by index data.t_name_idx:/,
    );
    expect(reported).toMatch(
      /extension vector of database app cannot be dropped while it is used by column embedding of table data.t:/,
    );
    // As was said.
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text).toMatch(/cannot drop extension (vector|pg_trgm) because other objects depend on it/);
    stack.configure((config) => (config.databases!.app!.extensions = { pg_trgm: {}, vector: {} }));
    await stack.up();
  });

  it("is refused where others would wait for a migration, and that is forbidden", async () => {
    const folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    stack.sql("app", "ALTER TABLE data.t OWNER TO owner; INSERT INTO data.t SELECT 'x' FROM generate_series(1, 1000)");
    stack.configure((config) => {
      config.guards = { forbid: ["lock"] };
      config.databases!.app!.migrations = { folder };
    });
    const add = (column: string) =>
      writeFileSync(
        join(folder, "20260101000000_add.sql"),
        `-- migrate:up\nALTER TABLE data.t ADD COLUMN ${column};\n`,
      );
    add("n int");
    const brief = await stack.preview();
    expect(brief.code).toBe(0);
    expect(brief.messages.join("\n")).toMatch(/BRIEF LOCK: reads and writes of data.t .* for a moment/);
    add("n double precision DEFAULT random()");
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(
      /guards.forbid: this change has forbidden hazards \(lock\):[^]*LOCK: reads and writes of data.t in database app wait .*takes ACCESS EXCLUSIVE, and rewrites the table[^]*such as "reads and writes of data.t in database app"/,
    );
    stack.configure((config) => (config.guards = { forbid: ["lock"], except: ["data.t"] }));
    await stack.up();
    expect(stack.sql("app", "SELECT count(n) FROM data.t")).toBe("1000");
  });

  it("is refused where a role would lose or gain a privilege, and that is forbidden", async () => {
    const grant = (privileges: ("CONNECT" | "TEMPORARY")[]) =>
      stack.configure((config) => {
        config.roles = { owner: {}, reader: {} };
        config.databases!.app!.grants = { reader: { database: privileges } };
      });
    grant(["CONNECT"]);
    await stack.up();
    stack.configure((config) => (config.guards = { forbid: ["access"] }));
    grant(["TEMPORARY"]);
    const refused = await stack.preview();
    expect(refused.code).not.toBe(0);
    expect(refused.messages.join("\n")).toMatch(
      /guards.forbid: this change has forbidden hazards \(access\):[^]*ACCESS: reader loses CONNECT on database app[^]*such as .*"reader loses CONNECT on database app"/,
    );
    expect((await stack.cli("up")).code).not.toBe(0);
    expect(stack.sql("app", "SELECT has_database_privilege('reader', 'app', 'CONNECT')")).toBe("t");
    stack.configure((config) => (config.guards = { forbid: ["access"], except: ["reader loses", "reader gains"] }));
    expect((await stack.preview()).code).toBe(0);
  });

  it("is refused where the stack file forbids it, before anything is done, and let through where it says so", async () => {
    stack.configure((config) => {
      config.guards = { forbid: ["loss"] };
      delete config.databases!.old;
    });
    const refusal =
      /guards.forbid: this change has forbidden hazards \(loss\):\s+DATA LOSS: database old is dropped .*\s+to allow it, add a part of the message to guards.except, such as "database old"/;
    const preview = await stack.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.messages.join("\n")).toMatch(refusal);
    const { code, text } = await stack.tryUp();
    expect(code).not.toBe(0);
    expect(text.replaceAll("\r", "")).toMatch(refusal);
    expect(stack.sql("old", "SELECT count(*) FROM a")).toBe("100000");

    stack.configure((config) => (config.guards = { forbid: ["loss"], except: ["database old"] }));
    expect((await stack.preview()).code).toBe(0);
    await stack.up();
    expect(stack.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname = 'old'")).toBe("0");
    const { code: quiet, text: unchanged } = await stack.unchanged();
    expect(quiet, unchanged).toBe(0);
  });
});
