import { describe, expect, it } from "vitest";
import { parsePasswords, parseStack } from "../../../config/parse";
import { StackError } from "../../../config/problem";

/** The lines of the error, without its first one. */
function problemsOf(input: unknown): string[] {
  try {
    parseStack(input);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

const roles = { owner: {}, keeper: { login: true } };
const withDatabase = (database: object, more: object = {}) => ({
  roles: { ...roles, ...more },
  databases: { shop: { owner: "owner", ...database } },
});
const withJob = (job: object) =>
  withDatabase({
    grants: { keeper: { database: ["CONNECT"] } },
    jobs: { tidy: { schedule: "@daily", command: "SELECT 1", role: "keeper", ...job } },
  });
const size = "write a whole number and MB, GB or TB, such as 512MB or 2GB";

describe("a stack file without a problem", () => {
  it("may be empty", () => {
    expect(parseStack({})).toMatchObject({
      protect: false,
      server: { port: 5432, memory: "2GB" },
      roles: {},
      databases: {},
    });
  });

  it("may name roles as it likes", () => {
    const names = ["on", "null", "123", "true", "Sales Team", 'quo"te', "ü".repeat(31), "a.b"];
    const stack = parseStack({ roles: Object.fromEntries(names.map((name) => [name, {}])) });
    expect(Object.keys(stack.roles).sort()).toEqual([...names].sort());
  });

  it("may grant to PUBLIC, to the superuser, and roles of PostgreSQL to its own", () => {
    expect(
      problemsOf(withDatabase({ grants: { public: { database: ["CONNECT"] } } }, { a: { memberOf: ["pg_monitor"] } })),
    ).toEqual([]);
    expect(problemsOf({ databases: { shop: { owner: "postgres" } } })).toEqual([]);
  });
});

describe("an unknown key is named, with what is allowed, at", () => {
  it.each<[string, unknown, string]>([
    [
      "the top",
      { databasses: {} },
      "pgwright:databasses: unknown key; did you mean databases?; allowed here: engine, protect, guards, drift, ephemeral, image, server, backup, restoreFrom, roles, databases, passwords",
    ],
    ["image", { image: { tag: "x" } }, "pgwright:image.tag: unknown key; allowed here: name, base, packages"],
    [
      "server",
      { server: { storrage: "ssd" } },
      "pgwright:server.storrage: unknown key; did you mean storage?; allowed here: port, address, ",
    ],
    [
      "a role",
      { roles: { app: { log_in: true } } },
      "pgwright:roles.app.log_in: unknown key; did you mean login?; allowed here: login, password, ",
    ],
    [
      "a database",
      withDatabase({ encoding: "UTF8" }),
      "pgwright:databases.shop.encoding: unknown key; allowed here: owner, ",
    ],
    [
      "a schema",
      withDatabase({ schemas: { s: { grants: {} } } }),
      "pgwright:databases.shop.schemas.s.grants: unknown key; allowed here: owner",
    ],
    [
      "an extension",
      withDatabase({ extensions: { vector: { shema: "x" } } }),
      "pgwright:databases.shop.extensions.vector.shema: unknown key; did you mean schema?; allowed here: schema, version",
    ],
    [
      "a grant",
      withDatabase({ grants: { keeper: { table: {} } } }),
      "pgwright:databases.shop.grants.keeper.table: unknown key; did you mean tables?; allowed here: database, schemas, tables, ",
    ],
    [
      "a grant on a schema",
      withDatabase({ grants: { keeper: { schemas: { public: { views: [] } } } } }),
      "pgwright:databases.shop.grants.keeper.schemas.public.views: unknown key; allowed here: schema, tables, sequences, functions",
    ],
    [
      "migrations",
      withDatabase({ migrations: { folder: "sql", path: "x" } }),
      "pgwright:databases.shop.migrations.path: unknown key; allowed here: folder, role, searchPath, target, baseline",
    ],
    [
      "a job",
      withJob({ user: "x" }),
      "pgwright:databases.shop.jobs.tidy.user: unknown key; allowed here: schedule, command, role, active",
    ],
  ])("%s", (_where, input, expected) => {
    const [problem, ...more] = problemsOf(input);
    expect(problem?.slice(0, expected.length)).toBe(expected);
    expect(more).toEqual([]);
  });
});

describe("a value that is not allowed is shown, with what is allowed:", () => {
  it.each<[string, unknown, string]>([
    ["a unit", { server: { memory: "512Mi" } }, `pgwright:server.memory: "512Mi" is not allowed; ${size}`],
    ["no unit", { server: { memory: 512 } }, `pgwright:server.memory: 512 is not allowed; ${size}`],
    ["nothing of a unit", { server: { memory: "0GB" } }, `pgwright:server.memory: "0GB" is not allowed; ${size}`],
    ["a part of a unit", { server: { memory: "1.5GB" } }, `pgwright:server.memory: "1.5GB" is not allowed; ${size}`],
    [
      "a duration",
      { roles: { a: { statementTimeout: "5 minutes" } } },
      'pgwright:roles.a.statementTimeout: "5 minutes" is not allowed; write a whole number and ms, s, min, h or d, such as 30s or 5min',
    ],
    [
      "a text for a number",
      { server: { port: "5432" } },
      'pgwright:server.port: "5432" is not allowed; write a whole number from 1 to 65535',
    ],
    [
      "a number out of range",
      { server: { port: 0 } },
      "pgwright:server.port: 0 is not allowed; write a whole number from 1 to 65535",
    ],
    [
      "a part of a number",
      { server: { cpus: 1.5 } },
      "pgwright:server.cpus: 1.5 is not allowed; write a whole number from 1 to 1024",
    ],
    [
      "a limit",
      { roles: { a: { connectionLimit: -2 } } },
      "pgwright:roles.a.connectionLimit: -2 is not allowed; write a whole number of at least -1",
    ],
    [
      "a text for true",
      { roles: { a: { login: "yes" } } },
      'pgwright:roles.a.login: "yes" is not allowed; write true or false',
    ],
    [
      "one of several",
      { server: { workload: "olap" } },
      'pgwright:server.workload: "olap" is not allowed; write one of oltp, web, analytics, mixed, vector',
    ],
    [
      "an address",
      { server: { address: "localhost" } },
      'pgwright:server.address: "localhost" is not allowed; write an IPv4 address',
    ],
    [
      "a network",
      { server: { allowFrom: ["10.0.0.0/8", "10.0.0.1"] } },
      'pgwright:server.allowFrom[1]: "10.0.0.1" is not allowed; write a network with its prefix length, such as 10.0.0.0/8 or fd00::/8',
    ],
    [
      "a list for a setting",
      { server: { settings: { work_mem: [1] } } },
      "pgwright:server.settings.work_mem: [1] is not allowed; write a string, a number, true or false",
    ],
    [
      "a text for a list",
      { roles: { a: { memberOf: "b" } } },
      'pgwright:roles.a.memberOf: "b" is not allowed; write a list, each a name of 1 to 63 bytes',
    ],
    [
      "a text for a map",
      { image: "postgres:17" },
      'pgwright:image: "postgres:17" is not allowed; write a map with name, base, packages',
    ],
    [
      "a list for a map",
      { roles: ["app"] },
      'pgwright:roles: ["app"] is not allowed; write a map by name, each a map with login, password, ',
    ],
    ["nothing for a map", { roles: { app: null } }, "pgwright:roles.app: is empty; write a map with login, password, "],
    [
      "a date",
      { roles: { a: { validUntil: "2030-01-01" } } },
      'pgwright:roles.a.validUntil: "2030-01-01" is not allowed; write a time with its offset, in quotes, ',
    ],
    [
      "a privilege of another kind",
      withDatabase({ grants: { keeper: { database: ["SELECT"] } } }),
      'pgwright:databases.shop.grants.keeper.database[0]: "SELECT" is not allowed; write one of CONNECT, CREATE, TEMPORARY',
    ],
    [
      "ALL",
      withDatabase({ grants: { keeper: { tables: { "public.a": ["ALL"] } } } }),
      'pgwright:databases.shop.grants.keeper.tables["public.a"][0]: "ALL" is not allowed; write one of SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN',
    ],
    [
      "a package",
      { image: { packages: ["--yes"] } },
      'pgwright:image.packages[0]: "--yes" is not allowed; write the name of a Debian package, ',
    ],
    [
      "a version that is a number",
      withDatabase({ migrations: { folder: "sql", target: 20260101000100 } }),
      "pgwright:databases.shop.migrations.target: 20260101000100 is not allowed; write a version in quotes, ",
    ],
    [
      "a missing owner",
      { databases: { shop: {} } },
      "pgwright:databases.shop.owner: is missing; write a name of 1 to 63 bytes",
    ],
    [
      "a missing command",
      withDatabase({ jobs: { tidy: { schedule: "@daily" } } }),
      "pgwright:databases.shop.jobs.tidy.command: is missing; write a string",
    ],
    [
      "an empty command",
      withJob({ command: "" }),
      "pgwright:databases.shop.jobs.tidy.command: is empty; write a string",
    ],
    [
      "no map at all",
      "server",
      '"server" is not allowed; write a map with engine, protect, guards, drift, ephemeral, image, server, backup, restoreFrom, roles, databases',
    ],
  ])("%s", (_what, input, expected) => {
    const [problem, ...more] = problemsOf(input);
    expect(problem?.slice(0, expected.length)).toBe(expected);
    expect(more).toEqual([]);
  });

  it("a long one is cut", () => {
    expect(problemsOf({ server: { memory: "x".repeat(500) } })[0]).toContain(`"${"x".repeat(79)}... is not allowed`);
  });
});

describe("names", () => {
  it.each<[string, string]>([
    ["x".repeat(64), "a name in PostgreSQL has at most 63 bytes"],
    ["ü".repeat(32), "a name in PostgreSQL has at most 63 bytes"],
    ["", "a name cannot be empty"],
    ["a\0b", "a name cannot contain a NUL byte"],
    ["<nil>", 'YAML reads null and ~ as no value; write such a name in quotes, "null"'],
    ["2026-01-01 00:00:00 +0000 UTC", "YAML reads this as a date; write such a name in quotes"],
  ])("%j: %s", (name, words) => {
    expect(problemsOf({ roles: { [name]: {} } })).toEqual([
      expect.stringContaining(`${JSON.stringify(name)}: ${words}`),
    ]);
    const [inList] = problemsOf({ roles: { a: { memberOf: [name] } } });
    expect(inList).toMatch(/^pgwright:roles\.a\.memberOf\[0\]: /);
  });

  it.each(["postgres", "public", "none", "pg_mine"])("role %s is PostgreSQL's own", (name) => {
    expect(problemsOf({ roles: { [name]: {} } })).toContain(
      `pgwright:roles.${name}: this name is reserved by PostgreSQL; choose another name`,
    );
  });

  it("schema pgwright and the roles of runs are pgwright's own", () => {
    expect(problemsOf(withDatabase({ schemas: { pgwright: {} } }))).toContain(
      "pgwright:databases.shop.schemas.pgwright: pgwright creates this schema; remove it from schemas",
    );
    expect(problemsOf({ roles: { pgwright_run_0: {} } })).toContain(
      "pgwright:roles.pgwright_run_0: names that begin with pgwright_run_ are reserved by pgwright; choose another name",
    );
  });

  it.each(["postgres", "template0", "template1"])("database %s is PostgreSQL's own", (name) => {
    const found = problemsOf({ roles, databases: { [name]: { owner: "owner" } } });
    expect(found).toContain(`pgwright:databases.${name}: this is a system database; choose another name`);
  });

  it.each(["public", "pg_mine", "information_schema"])("schema %s is PostgreSQL's own", (name) => {
    const found = problemsOf(withDatabase({ schemas: { [name]: {} } }));
    expect(found).toContain(
      `pgwright:databases.shop.schemas.${name}: this schema belongs to PostgreSQL; remove it from schemas`,
    );
  });
});

describe("what contradicts itself or names what is not there:", () => {
  it.each<[string, unknown, string]>([
    [
      "a ready image with a base",
      { image: { name: "a", base: "b" } },
      'pgwright:image.name: "a": name uses a ready image, base and packages build one; write either name or base and packages',
    ],
    [
      "a ready image with packages",
      { image: { name: "a", packages: ["curl"] } },
      'pgwright:image.name: "a": name uses a ready image',
    ],
    [
      "search_path as a setting",
      { roles: { a: { settings: { Search_Path: "b" } } } },
      'pgwright:roles.a.settings: {"Search_Path":"b"}: search_path and statement_timeout are not allowed here; write searchPath and statementTimeout',
    ],
    [
      "replication without WAL senders",
      { server: { settings: { max_wal_senders: 0 } }, roles: { a: { login: true, replication: true } } },
      "pgwright:roles.a.replication: true: the server streams no WAL with max_wal_senders = 0; raise max_wal_senders, or write false",
    ],
    [
      "an owner that nobody declares",
      { roles, databases: { shop: { owner: "boss" } } },
      'pgwright:databases.shop.owner: "boss": no such role in pgwright:roles; there are owner, keeper',
    ],
    [
      "an owner without any role",
      { databases: { shop: { owner: "boss" } } },
      'pgwright:databases.shop.owner: "boss": no such role in pgwright:roles; there are none',
    ],
    [
      "an owner of a schema",
      withDatabase({ schemas: { s: { owner: "boss" } } }),
      'pgwright:databases.shop.schemas.s.owner: "boss": no such role in pgwright:roles; there are owner, keeper',
    ],
    [
      "a group",
      { roles: { a: { memberOf: ["b"] } } },
      'pgwright:roles.a.memberOf[0]: "b": no such role in pgwright:roles; there are a',
    ],
    [
      "a grantee",
      withDatabase({ grants: { boss: {} } }),
      'pgwright:databases.shop.grants.boss: "boss": no such role in pgwright:roles; there are owner, keeper',
    ],
    [
      "a schema of a grant",
      withDatabase({ schemas: { s: {} }, grants: { keeper: { schemas: { t: {} } } } }),
      'pgwright:databases.shop.grants.keeper.schemas.t: "t": no such schema in databases.shop.schemas; there are public, s',
    ],
    [
      "a table without its schema",
      withDatabase({ grants: { keeper: { tables: { carts: ["SELECT"] } } } }),
      'pgwright:databases.shop.grants.keeper.tables["carts"]: write schema.name',
    ],
    [
      "a schema of an extension",
      withDatabase({ extensions: { vector: { schema: "e" } } }),
      'pgwright:databases.shop.extensions.vector.schema: "e": no such schema in databases.shop.schemas; there are public',
    ],
    [
      "pg_cron as an extension",
      withDatabase({ extensions: { pg_cron: {} } }),
      "pgwright:databases.shop.extensions.pg_cron: only one database of a server can hold pg_cron; set server.cronDatabase instead",
    ],
    [
      "the database of pg_cron",
      { server: { cronDatabase: "shop" } },
      'pgwright:server.cronDatabase: "shop": no such database in pgwright:databases; there are postgres, none',
    ],
    [
      "the role of the migrations",
      withDatabase({ migrations: { folder: "sql", role: "boss" } }),
      'pgwright:databases.shop.migrations.role: "boss": no such role in pgwright:roles; there are owner, keeper',
    ],
    [
      "a job of a role without login",
      withJob({ role: "owner" }),
      'pgwright:databases.shop.jobs.tidy.role: "owner" has login: false, and a job needs a session; give it login: true with password: false',
    ],
    [
      "a job of an owner without login",
      withJob({ role: undefined }),
      'pgwright:databases.shop.jobs.tidy.role: "owner" has login: false, and a job needs a session; give it login: true with password: false',
    ],
    [
      "a schedule",
      withJob({ schedule: "60 * * * *" }),
      'pgwright:databases.shop.jobs.tidy.schedule: "60 * * * *": "60" is out of range; minute is 0 to 59',
    ],
  ])("%s", (_what, input, expected) => {
    const [problem, ...more] = problemsOf(input);
    expect(problem?.slice(0, expected.length)).toBe(expected);
    expect(more).toEqual([]);
  });

  it("cycles of members are shown, whatever their length", () => {
    expect(problemsOf({ roles: { a: { memberOf: ["a"] } } })).toEqual([
      "pgwright:roles.a.memberOf: the role would be a member of itself: a -> a",
    ]);
    expect(
      problemsOf({
        roles: { a: { memberOf: ["b"] }, b: { memberOf: ["c"] }, c: { memberOf: ["a"] }, d: { memberOf: ["a"] } },
      }),
    ).toEqual([
      "pgwright:roles.a.memberOf: the role would be a member of itself: a -> b -> c -> a",
      "pgwright:roles.b.memberOf: the role would be a member of itself: b -> c -> a -> b",
      "pgwright:roles.c.memberOf: the role would be a member of itself: c -> a -> b -> c",
    ]);
  });

  it("a job's name is unique on the server", () => {
    const jobs = { tidy: { schedule: "@daily", command: "SELECT 1", role: "keeper" } };
    const database = { owner: "owner", grants: { keeper: { database: ["CONNECT"] } }, jobs };
    expect(problemsOf({ roles, databases: { a: database, b: database } })).toEqual([
      "pgwright:databases.b.jobs.tidy: database a has a job of this name already; names are unique on a server",
    ]);
  });

  it("the settings of the server come with the stack, each with its reason", () => {
    const { tuning } = parseStack({ server: { settings: { work_mem: "8MB" }, cronDatabase: "postgres" }, backup: {} });
    const find = (name: string) => tuning.settings.find((setting) => setting.name === name);
    expect(find("work_mem")).toEqual({ name: "work_mem", value: "8MB", reason: "set in the stack file" });
    expect(find("cron.database_name")?.value).toBe("postgres");
    expect(find("archive_mode")?.value).toBe("on");
    expect(find("archive_command")).toBeUndefined();
    expect(tuning.settings.every(({ reason }) => reason !== "")).toBe(true);
  });

  it("settings of the server are checked too", () => {
    const [problem] = problemsOf({ server: { settings: { shared_bufers: "1GB" } } });
    expect(problem).toContain("shared_bufers");
    expect(problem).toContain("did you mean shared_buffers?");
    expect(problemsOf({ server: { memory: "256MB" } })[0]).toContain("at least 512");
    expect(problemsOf({ server: { memory: "1GB", connections: 500 } })[0]).toContain("do not fit in 1024 MiB");
  });
});

it("several problems are reported at once", () => {
  const error = (() => {
    try {
      parseStack({ server: { port: 0, memory: "1G", color: "red" }, roles: { a: { login: 1 } } });
    } catch (caught) {
      return caught as StackError;
    }
    throw new Error("nothing was thrown");
  })();
  expect(error.message).toMatch(/^the stack file has 4 problems:\n/);
  expect(error.problems.map(({ key }) => key)).toEqual([
    "server.port",
    "server.memory",
    "server.color",
    "roles.a.login",
  ]);
});

describe("passwords", () => {
  const stack = parseStack({ roles: { app: { login: true }, group: {}, worker: { login: true, password: false } } });
  const problem = (input: unknown): string => {
    try {
      parsePasswords(input, stack);
    } catch (error) {
      return (error as Error).message.split("\n")[1]?.trim() ?? "";
    }
    return "";
  };

  it("are for roles with login, and the superuser", () => {
    expect(parsePasswords({ app: "a", postgres: "b" }, stack)).toEqual(["app", "postgres"]);
    expect(problem({ nobody: "a" })).toBe(
      "pgwright:passwords.nobody: no such role in pgwright:roles; declare the role, or remove its password",
    );
    expect(problem({ group: "a" })).toBe(
      "pgwright:passwords.group: the role has login: false and so no password; set login: true, or remove the password",
    );
    expect(problem({ worker: "a" })).toBe(
      "pgwright:passwords.worker: the role has password: false in pgwright:roles; remove one of the two",
    );
  });

  it("that are kept are neither given nor made up anew", () => {
    const keeps = { login: true, password: "keep" as const };
    const kept = parseStack({ roles: { app: keeps } });
    expect(() => parsePasswords({ app: "a" }, kept)).toThrow(
      "the role has password: keep in pgwright:roles; remove one of the two",
    );
    expect(() => parseStack({ roles: { app: { ...keeps, passwordRotation: "autumn" } } })).toThrow(
      'pgwright:roles.app.passwordRotation: "autumn": password: keep and passwordRotation exclude each other',
    );
    expect(() => parseStack({ roles: { app: { login: true, password: "kept" as never } } })).toThrow(
      'pgwright:roles.app.password: "kept" is not allowed; write true, false or keep',
    );
  });

  it("are texts, and no error shows one", () => {
    expect(problem({ app: 4711 })).toBe(
      "pgwright:passwords.app: write a string that is not empty and has no NUL character; in quotes if it looks like a number",
    );
    expect(problem({ app: "" })).toBe(
      "pgwright:passwords.app: write a string that is not empty and has no NUL character; in quotes if it looks like a number",
    );
    expect(problem("s3cret")).toBe("pgwright:passwords: write a map of passwords by role");
  });
});
