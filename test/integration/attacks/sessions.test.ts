import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { docker } from "../stack";
import { MIRROR } from "./mirror";
import { InProcessStack } from "../in-process-stack";

// The owner of a database says what its sessions begin with. None of the sessions of pgwright does what the owner wants by it.

/** What statements can be stopped by, or can come to mean another thing by. */
const SETTINGS: Record<string, string> = {
  search_path: "evil, pg_catalog",
  role: "owner",
  statement_timeout: "'1ms'",
  transaction_timeout: "'5ms'",
  idle_in_transaction_session_timeout: "'5ms'",
  idle_session_timeout: "'5ms'",
  lock_timeout: "'1ms'",
  exit_on_error: "on",
  default_transaction_read_only: "on",
  default_transaction_isolation: "serializable",
  standard_conforming_strings: "off",
  transform_null_equals: "on",
  quote_all_identifiers: "on",
  intervalstyle: "sql_standard",
  datestyle: "SQL, DMY",
  timezone: "'Asia/Kathmandu'",
  bytea_output: "escape",
  extra_float_digits: "-15",
  client_min_messages: "error",
  client_encoding: "LATIN1",
  row_security: "off",
  check_function_bodies: "off",
  xmlbinary: "hex",
};

describe("sessions in a database whose owner says what they begin with", () => {
  let stack: InProcessStack;
  let folder: string;
  const asOwner = async (...statements: string[]) => {
    const client = await stack.connect("owner", "password of owner", "postgres"); // its sessions begin as ever
    for (const statement of statements)
      await client.query(statement).catch(async (error: Error) => {
        await client.end();
        throw error;
      });
    await client.end();
  };
  beforeAll(async () => {
    stack = await InProcessStack.create({
      roles: { owner: { login: true }, reader: {} },
      passwords: { owner: "password of owner" },
    });
    folder = join(stack.folder, "migrations");
    mkdirSync(folder);
    writeFileSync(
      join(folder, "001_t.sql"),
      `-- migrate:up
       CREATE TABLE data.t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
       CREATE TABLE data.papers (id bigint PRIMARY KEY, embedding public.vector(3));
       INSERT INTO data.papers SELECT n, ARRAY[n, 1, 2]::real[]::public.vector FROM generate_series(1, 50) AS n;
-- migrate:down
       DROP TABLE data.t, data.papers;\n`,
    );
    stack.configure((config) => {
      config.databases = {
        app: {
          owner: "owner",
          schemas: { data: {} },
          extensions: { vector: {}, pg_trgm: {} },
          migrations: { folder },
          grants: { reader: { tables: { "data.t": ["SELECT"] } } },
          partitions: { sets: { "data.t": { kind: "time", interval: "1 day", premake: 2 } } },
          vectors: {
            indexes: { "data.papers_embedding": { table: "data.papers", column: "embedding", distance: "l2" } },
          },
        },
      };
      config.backup = { dumps: {}, drill: { checks: [{ database: "app", query: "SELECT true" }] } };
    });
    await stack.up();
    const client = await stack.connect("owner", "password of owner", "app");
    await client.query(MIRROR).finally(() => client.end());
    await asOwner(...Object.entries(SETTINGS).map(([name, value]) => `ALTER DATABASE app SET ${name} = ${value}`));
  });
  afterAll(() => stack.dispose());

  /** What a superuser's session has run of the owner's code since the last time. */
  let seen = 0;
  const ran = (): string[] => {
    const all = stack.logs().match(/LOG: +CODE OF AN OWNER RUNS AS MORE: .*/g) ?? [];
    return all.slice(seen, (seen = all.length));
  };
  const agent = (...command: string[]) => docker("exec", `${stack.container}-agent`, ...command);
  const succeeds = async (command: string, ...args: string[]) => {
    const { code, text } = await stack.cli(command, ...args);
    expect({ command, code, text }).toEqual({ command, code: 0, text: expect.anything() });
    expect(ran()).toEqual([]);
    return text;
  };

  it("are found by the test itself: a session of the superuser that looks names up there runs it", () => {
    docker(
      ...["exec", "--env", "PGOPTIONS=-c search_path=evil,pg_catalog", stack.container],
      ...["psql", "-U", "postgres", "-d", "app", "-c", "TABLE pg_roles"],
    );
    expect(ran().length).toBeGreaterThan(0);
  });

  it("see what there is: nothing has changed, in preview, drift and status", async () => {
    expect(await stack.unchanged()).toEqual({ code: 0, text: expect.anything() });
    expect(ran()).toEqual([]);
    expect(await succeeds("preview")).toMatch(/^Resources:\n +\d+ unchanged\n/m); // and nothing else
    expect(await drift()).toMatch(/^\S+: \d+ undeclared\n/);
    // The owner's own jobs do begin with what the owner says, and cannot do their work in 1 ms.
    const { text } = await stack.cli("status");
    expect(text.match(/^!.*/gm) ?? []).toEqual((text.match(/^! cron job .*statement timeout.*/gm) ?? []) as string[]);
    expect(ran()).toEqual([]);
    await succeeds("psql", "-d", "app", "-c", "TABLE pg_roles");
  });

  it("bring what is declared, whatever runs the update", async () => {
    writeFileSync(
      join(folder, "002_u.sql"),
      "-- migrate:up\nCREATE TABLE data.u (id bigint, name text DEFAULT 'a\\b');\nINSERT INTO data.u VALUES (1);\n-- migrate:down\nDROP TABLE data.u;\n",
    );
    stack.configure(({ databases }) => {
      const app = databases!.app!;
      app.schemas!.more = {};
      app.extensions!.fuzzystrmatch = { schema: "more" };
      app.partitions!.sets!["data.t"]!.premake = 4;
    });
    await stack.up();
    expect(ran()).toEqual([]);
    expect(await stack.unchanged()).toEqual({ code: 0, text: expect.anything() });
    stack.configure(({ databases }) => {
      delete databases!.app!.extensions!.fuzzystrmatch;
      delete databases!.app!.schemas!.more;
    });
    await succeeds("up");
    expect(await drift()).toMatch(/^\S+: \d+ undeclared\n/);
    expect(await psql("SELECT name FROM data.u")).toBe("a\\b");
  });

  it("copy, dump, back up and drill", async () => {
    stack.configure(({ databases }) => {
      databases!.copy = { owner: "owner", copyOf: { database: "app" }, schemas: { data: {} } };
    });
    await succeeds("up");
    agent("backup.sh", "dump");
    agent("backup.sh", "full");
    expect(ran()).toEqual([]);
    await succeeds("drill");
  });

  it("remove what is no longer declared", async () => {
    stack.configure(({ databases }) => {
      delete databases!.app!.partitions;
      delete databases!.app!.vectors;
      delete databases!.copy;
    });
    await stack.up();
    expect(ran()).toEqual([]);
  });

  it("read a server that is adopted", async () => {
    await succeeds("adopt", "--from", stack.container, "--force");
  });

  /** The settings are reported, as nobody has declared them. */
  const drift = async () => {
    const { code, text } = await stack.cli("drift");
    expect({ code, ran: ran() }).toEqual({ code: 2, ran: [] });
    return text;
  };
  const psql = async (query: string) => (await stack.cli("psql", "-d", "app", "-Atqc", query)).text.trim();
});
