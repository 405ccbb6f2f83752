import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { DatabaseFact, Facts, HbaFact } from "../../../adopt/facts";
import { describePartitions } from "../../../adopt/partitions";
import { adopt } from "../../../adopt/stack";
import { writeStackFile } from "../../../adopt/stack-file";
import { adoptRequest } from "../../../cli/commands/adopt";
import { mustBeAdoptable } from "../../../cli/read-server";
import { FRESH } from "../../../provider/kinds/role/catalog";

const container = {
  name: "shop-db",
  image: "pgvector/pgvector:pg17",
  memory: 4096,
  cpus: 2,
  port: 5432,
  address: "0.0.0.0",
  system: "debian",
  takenPorts: [5432, 5433],
};
const database = {
  name: "shop",
  owner: "app",
  connectionLimit: -1,
  allowsConnections: true,
  isTemplate: false,
  encoding: "UTF8",
  provider: "c",
  collation: "en_US.utf8",
  tablespace: "pg_default",
  settings: [],
};
const content = {
  objects: 0,
  schemas: [],
  extensions: [],
  privileges: [],
  defaults: [],
  others: [],
  partitioned: [],
  ledgers: [],
};
const facts: Facts = {
  from: "container shop-db",
  server: {
    version: 170_006,
    user: "postgres",
    isSuperuser: true,
    bootstrap: "postgres",
    standby: false,
    roles: ["app"],
  },
  container,
  roles: [{ ...FRESH, name: "app", login: true, verifier: "SCRAM-SHA-256$x" }],
  databases: [database],
  contents: { shop: content },
  settings: [],
  hba: [],
  others: [],
  jobs: [],
};
const adopted = (change: Partial<Facts> = {}, port?: number) =>
  adopt({ ...facts, ...change }, { image: "pgwright/postgres:17-1", port });
const notes = (change: Partial<Facts>) =>
  adopted(change)
    .report.notes.map(({ at, text }) => `${at.join(".")}: ${text}`)
    .join("\n");
const setting = (name: string, value: string, bootValue: string | null = null, custom = false) => ({
  name,
  value,
  bootValue,
  custom,
});

describe("migrations that another tool has applied", () => {
  const ledger = (tool: string, versions?: string[]) =>
    notes({ contents: { shop: { ...content, ledgers: [{ tool, schema: "public", name: "ledger", versions }] } } });

  it("are reported with the baseline, where the ledger tells it", () => {
    expect(ledger("dbmate", ["002", "10", "1"])).toContain(
      'databases.shop: public.ledger is the ledger of dbmate: 3 versions from 1 to 10 count as applied once migrations.folder is declared; before the first update, declare migrations: {folder: FOLDER, baseline: "10"}',
    );
    expect(ledger("dbmate", [])).toContain("and is empty: all files of migrations.folder are run");
    expect(ledger("Flyway")).toContain(
      'public.ledger is the ledger of Flyway: its migrations are applied, but pgwright cannot tell up to which file of a folder; declare migrations: {folder: FOLDER, baseline: "VERSION"}',
    );
  });
});

describe("a container", () => {
  it("gives limits, the base of the new image, and a port beside its own", () => {
    expect(adopted().config).toMatchObject({
      image: { base: "pgvector/pgvector:pg17" },
      server: { port: 5434, address: "0.0.0.0", memory: "4GB", cpus: 2 },
      restoreFrom: { running: "shop-db" },
    });
    expect(adopted({}, 7000).config.server?.port).toBe(7000);
    expect(adopted({ container: { ...container, image: "pgwright/postgres:17-0" } }).config.image).toBeUndefined();
  });

  it("without limits gets some that its shared_buffers fit into, and reports them", () => {
    const change = {
      container: { ...container, memory: 0, cpus: 0 },
      settings: [setting("shared_buffers", "1GB", "16384")],
    };
    expect(adopted(change).config.server).toMatchObject({ memory: "4GB", cpus: 2 });
    expect(notes(change)).toMatch(/server: memory: the container has no limit, .*4GB is declared/);
    expect(notes({ container: { ...container, memory: 256, cpus: 1.5 } })).toMatch(
      /memory: the container's limit is 256MB.*\n.*cpus: the container's limit is 1\.5/,
    );
  });

  it.each<[string, Partial<Facts>, RegExp]>([
    [
      "Alpine",
      { container: { ...container, system: "alpine" } },
      /restoreFrom is not declared: its image is based on alpine, .*pg_dump/,
    ],
    [
      "a tablespace",
      { others: [{ kind: "tablespace", name: "fast" }] },
      /restoreFrom is not declared: tablespace fast prevents a copy of the data directory/,
    ],
    [
      "a subscription",
      { contents: { shop: { ...content, others: [{ kind: "subscription", name: "feed" }] } } },
      /subscription feed prevents a copy of the data directory[^]*databases\.shop: subscription feed would use the replication slot of the source/,
    ],
    [
      "a standby",
      { server: { ...facts.server, standby: true } },
      /restoreFrom is not declared: the server is a standby/,
    ],
  ])("is not copied from %s", (_, change, message) => {
    expect(adopted(change).config.restoreFrom).toBeUndefined();
    expect(notes(change)).toMatch(message);
    expect(notes(change)).toMatch(/database shop sorts text by collation en_US\.utf8, and/);
  });
});

describe("a dump instead of a copy", () => {
  const byDump = (change: Partial<DatabaseFact>) =>
    notes({ container: undefined, databases: [{ ...database, ...change }] });

  it("sorts by code points: a database of ICU is named, one of PostgreSQL's own provider is not", () => {
    expect(byDump({ provider: "i", collation: "und-x-icu" })).toMatch(
      /database shop sorts text by collation ICU's und-x-icu, and a new database sorts by code points/,
    );
    expect(byDump({ provider: "b", collation: "C.UTF-8" })).not.toMatch(/sorts text by/);
    expect(byDump({ provider: "c", collation: "C" })).not.toMatch(/sorts text by/);
  });

  it("does not bring settings of databases, nor may it bring the password of postgres", () => {
    const text = byDump({ settings: ["work_mem=9MB"] });
    expect(text).toMatch(/setting work_mem=9MB of database shop is not in a dump of the database/);
    expect(text).toMatch(/pg_dumpall --roles-only into the new server, without its lines for role postgres/);
  });
});

describe("settings", () => {
  it("are declared where somebody has chosen them", () => {
    const settings = [
      setting("work_mem", "64MB", "4096"),
      setting("max_connections", "50", "100"),
      setting("fsync", "on", "on"),
      setting("TimeZone", "Etc/UTC", "GMT"),
      setting("log_timezone", "Europe/Berlin", "GMT"),
      setting("lc_messages", "en_US.utf8", ""),
      setting("listen_addresses", "*", "localhost"),
      setting("shared_preload_libraries", "pg_cron,timescaledb", ""),
    ];
    const { server } = adopted({ settings }).config;
    expect(server?.connections).toBe(50);
    expect(server?.settings).toEqual({
      work_mem: "64MB",
      log_timezone: "Europe/Berlin",
      lc_messages: "en_US.utf8",
      shared_preload_libraries: "pg_stat_statements,pg_cron,timescaledb",
    });
  });

  it.each([
    ["ssl", "on", "ssl is not declared: its files are not in the container"],
    ["synchronous_standby_names", "a", "commits would wait"],
    ["archive_command", "cp %p /x", "declare backup"],
    ["shared_buffers", "40GB", "shared_buffers = 40GB is not declared: "],
  ])("%s is reported", (name, value, message) => {
    expect(notes({ settings: [setting(name, value)] })).toContain(message);
    expect(adopted({ settings: [setting(name, value)] }).config.server?.settings).toBeUndefined();
  });

  it("of libraries that only the source has go with its image, and those of no library always", () => {
    const settings = [setting("timescaledb.max_background_workers", "16"), setting("shop.tenant", "a", null, true)];
    expect(adopted({ settings }).config.server?.settings).toEqual({
      "timescaledb.max_background_workers": "16",
      "shop.tenant": "a",
    });
    const elsewhere = { settings, container: undefined };
    expect(adopted(elsewhere).config.server?.settings).toEqual({ "shop.tenant": "a" });
    expect(notes(elsewhere)).toContain("timescaledb.max_background_workers is not declared: the image has no such");
  });

  it("of pg_hba.conf become networks, where they say no more", () => {
    const rule = {
      type: "host",
      databases: ["all"],
      users: ["all"],
      address: "10.1.0.0",
      netmask: "255.255.0.0",
      method: "scram-sha-256",
      line: 1,
      error: null,
    };
    const v6 = { ...rule, address: "fd00::", netmask: "ffff:0000:0000:0000:0000:0000:0000:0000" };
    const local = [
      { ...rule, type: "local", address: null, netmask: null, method: "trust" },
      { ...rule, address: "127.0.0.1", method: "trust" },
    ];
    expect(adopted({ hba: [...local, rule, v6] }).config.server?.allowFrom).toEqual(["10.1.0.0/16", "fd00::/16"]);
    expect(notes({ hba: [...local, rule] })).not.toContain("pg_hba.conf");
    expect(adopted({ hba: [{ ...rule, address: "all", netmask: null }] }).config.server?.allowFrom).toBeUndefined();
    expect(notes({ hba: [{ ...rule, users: ["app"], method: "trust" }] })).toMatch(
      /the rule "host all app 10\.1\.0\.0\/16 trust" .*is not declared/,
    );
  });
});

describe("rejecting rules of pg_hba.conf", () => {
  const rule = (text: string): HbaFact => {
    const [type = "", databases = "", users = "", network = "", method = ""] = text.split(" ");
    const [address = "", netmask = null] = network.split("|");
    return {
      type,
      databases: databases.split(","),
      users: users.split(","),
      address: address || null,
      netmask,
      method,
      line: 1,
      error: null,
    };
  };
  const of = (...texts: string[]) => {
    const change = { hba: texts.map(rule) };
    return { allowFrom: adopted(change).config.server?.allowFrom, reported: notes(change) };
  };
  const V4 = "10.0.0.0|255.0.0.0";

  it.each([
    ["a role", `host all bad ${V4} reject`, "host all bad 10.0.0.0/8 reject"],
    ["a database", `host payroll all ${V4} reject`, "host payroll all 10.0.0.0/8 reject"],
    ["a role, from everywhere", "host all bad all reject", "host all bad all reject"],
    ["those without TLS", "hostnossl all all all reject", "hostnossl all all all reject"],
    ["a host by its name", "host all all bad.example.com reject", "host all all bad.example.com reject"],
    ["a role over the socket", "local all bad  reject", "local all bad reject"],
    ["a part of the network", "host all bad 10.1.2.0|255.255.255.0 reject", "host all bad 10.1.2.0/24 reject"],
  ])("%s: clients that were rejected and can connect are reported", (_, rejecting, text) => {
    const { allowFrom, reported } = of(rejecting, `host all all ${V4} scram-sha-256`);
    expect(reported).toContain(
      `server: the rule "${text}" of pg_hba.conf is not declared: a role that it rejects can connect`,
    );
    expect(allowFrom).toEqual(["10.0.0.0/8"]);
  });

  it("alone leave a network out, and no rule that lets clients in before others", () => {
    const trust = ["host all all 127.0.0.1|255.255.255.255 trust", `host all all ${V4} trust`];
    expect(of(...trust, "host all all all scram-sha-256").allowFrom).toBeUndefined();
    expect(of("host all all 10.1.0.0|255.255.0.0 scram-sha-256", `host all all ${V4} reject`).allowFrom).toEqual([
      "10.1.0.0/16",
    ]);
  });

  it("for all roles and databases leave the network out", () => {
    const whole = `host all all ${V4} scram-sha-256`;
    const { allowFrom, reported } = of("host all all 10.192.0.0|255.192.0.0 reject", whole);
    expect(allowFrom).toEqual(["10.0.0.0/9", "10.128.0.0/10"]);
    expect(reported).not.toContain("pg_hba.conf");
    const v6 = of("host all all fd00:1::|ffff:ffff:: reject", "host all all fd00::|ffff:fffe:: scram-sha-256");
    expect(v6.allowFrom).toEqual(["fd00::/32"]);
    expect(of("host all all 10.0.0.0|255.0.0.0 reject", "host all all all scram-sha-256").allowFrom).toHaveLength(9);
  });

  it("behind which nobody else is let in say nothing", () => {
    const { allowFrom, reported } = of(`host all all ${V4} scram-sha-256`, "host all all all reject");
    expect(allowFrom).toEqual(["10.0.0.0/8"]);
    expect(reported).not.toContain("pg_hba.conf");
  });

  it("behind a rule that lets only some in are reported, since the stack lets all in from there", () => {
    expect(of(`host all app ${V4} scram-sha-256`, "host all all all reject").reported).toMatch(
      /"host all app 10\.0\.0\.0\/8 scram-sha-256" .*\n.*"host all all all reject" .* can connect to the stack/,
    );
  });

  it("for everybody, and lines that cannot be read, are reported", () => {
    const { allowFrom, reported } = of("host all all all reject", "host all all all scram-sha-256");
    expect(allowFrom).toBeUndefined();
    expect(reported).toContain("pg_hba.conf allows no network; in the stack every role can connect with its password");
    const broken = { ...rule("host all all all reject"), line: 7, error: "invalid authentication method" };
    expect(notes({ hba: [broken] })).toContain("line 7 of pg_hba.conf is not declared: PostgreSQL cannot read it");
  });

  it("networks of one family are not those of the other", () => {
    expect(of("host all all 0.0.0.0|0.0.0.0 scram-sha-256").allowFrom).toEqual(["0.0.0.0/0"]);
  });
});

describe("what the parser refuses is removed and reported", () => {
  const job = {
    id: "1",
    name: "tidy",
    schedule: "0 3 * * *",
    command: "SELECT 1",
    database: "shop",
    role: "app",
    active: true,
  };
  it.each<[string, Partial<Facts>, RegExp]>([
    [
      "a schedule",
      { jobs: [{ ...job, schedule: "61 * * * *" }] },
      /databases\.shop\.jobs\.tidy is not declared: "61 \* \* \* \*"/,
    ],
    [
      "two of a name",
      { jobs: [job, { ...job, id: "2" }] },
      /job tidy .* is not declared and stays inactive: other jobs have the same name/,
    ],
    ["a role's name", { roles: [...facts.roles, { ...FRESH, name: "<nil>" }] }, /is not declared: .*YAML reads null/],
    [
      "a role without login",
      { roles: [{ ...FRESH, name: "app" }], jobs: [job] },
      /jobs\.tidy is not declared: "app" has login: false/,
    ],
  ])("%s", (_, change, message) => {
    expect(notes(change)).toMatch(message);
  });

  it("a job without a name gets one", () => {
    const jobs = [
      { ...job, name: null },
      { ...job, id: "2", name: "job-1" },
    ];
    expect(adopted({ jobs }).config.databases?.shop?.jobs).toMatchObject({ "job-1-": { active: false }, "job-1": {} });
    expect(notes({ jobs })).toMatch(
      /job 1 has no name and is declared as job-1-; .* remove it with SELECT cron\.unschedule\(1\)/,
    );
  });
});

describe("the file", () => {
  it("has the notes on each key above it, and puts in quotes what YAML takes for something else", () => {
    const odd = ["null", "on", "2020-01-01", "1e3", "a: b", "~"].map((name) => ({ ...FRESH, name }));
    const roles = [
      ...odd,
      { ...facts.roles[0]!, verifier: "md5x", settings: [{ database: "shop", setting: "jit=off" }] },
    ];
    const adoption = adopted({ roles });
    const text = writeStackFile("container shop-db", adoption);
    expect(text).toMatch(
      /# up runs: ALTER ROLE "app" IN DATABASE "shop" RESET "jit";\n {4}# its password is stored as md5.*\n {4}app:/,
    );
    const read = parse(text, { version: "1.1" }) as { config: Record<string, object> };
    expect(read.config["pgwright:roles"]).toEqual(adoption.config.roles);
    for (const name of ["null", "on", "2020-01-01", "1e3", "~"]) expect(text).toContain(`"${name}":`);
    const networks = { server: { allowFrom: ["10.0.0.0/8", "::1/128"] } };
    expect(writeStackFile("container shop-db", { ...adoption, config: networks })).toContain('[10.0.0.0/8, "::1/128"]');
  });

  it("has no comment that a name ends", () => {
    const others = ["\n", "\r", "\u0085", "\u2028"].map((end) => ({ kind: "role", name: `a${end}config: {}` }));
    const text = writeStackFile("db\u001b[2J\nconfig: {}", adopted({ contents: { shop: { ...content, others } } }));
    expect(text).toContain("\\u{2028}config");
    expect(text.split(/[\n\r\u0085\u2028]/).filter((line) => line.startsWith("config:"))).toEqual(["config:"]);
    expect(text).not.toContain("\u001b");
  });
});

it.each<[string, [string, string][], RegExp]>([
  ["by month", [["t_y2025m07", "('2025-07-01 00:00:00+00') TO ('2025-08-01 00:00:00+00')"]], /\{interval: 1 month\}/],
  ["by day", [["t_y2024m02d29", "('2024-02-29') TO ('2024-03-01')"]], /\{interval: 1 day\}/],
  ["by another name", [["t_202507", "('2025-07-01') TO ('2025-08-01')"]], /are not managed: their names and bounds/],
  [
    "by two widths",
    [
      ["t_y2025m07", "('2025-07-01') TO ('2025-08-01')"],
      ["t_y2025m08", "('2025-08-01') TO ('2025-10-01')"],
    ],
    /are not managed/,
  ],
])("partitions %s", (_, partitions, words) => {
  const named = partitions.map(([name, bound]) => ({ name, bound: `FOR VALUES FROM ${bound}` }));
  expect(describePartitions({ schema: "s", name: "t", type: "date", partitions: named })).toMatch(words);
});

it.each([
  [{ version: 160_004 }, /db: runs PostgreSQL 16, but a stack runs 17; upgrade the server first/],
  [
    { version: 180_001 },
    /db: runs PostgreSQL 18, but a stack runs 17; PostgreSQL 17 cannot read data of a newer version/,
  ],
  [{ isSuperuser: false, user: "app" }, /db: role app is not a superuser/],
])("a server of another kind is refused: %j", (change, message) => {
  expect(() => mustBeAdoptable("db", { ...facts.server, ...change })).toThrow(message);
});

it("options that say too little are refused", () => {
  expect(() => adoptRequest({})).toThrow(/--from is missing; name a container, or give postgresql:/);
  expect(() => adoptRequest({ from: "db", port: "99999" })).toThrow(
    "--port 99999: write a whole number from 1 to 65535",
  );
  expect(adoptRequest({ from: "db", port: "6000" })).toEqual({
    from: "db",
    port: 6000,
    engine: undefined,
    force: false,
  });
});
