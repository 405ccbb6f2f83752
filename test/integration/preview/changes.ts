import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StackInput } from "../../../config/stack";
import type { TestStack } from "../stack";
import type { Random } from "./random";

// Changes of a stack file, and of a server by hand, as people make them.

type Databases = NonNullable<StackInput["databases"]>;
type Roles = NonNullable<StackInput["roles"]>;

/** One change; returns what it did, or undefined where there was nothing to do it to. */
type Change = (world: World) => string | undefined;

export interface World {
  stack: TestStack;
  random: Random;
  /** Where the migrations of the database app are. */
  migrations: string;
  /** Rises with each name that is made up. */
  counter: number;
}

const EXTENSIONS = ["pg_trgm", "hstore", "citext", "btree_gin", "unaccent", "tablefunc"];
const TABLE_PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"] as const;

/** The role that owns everything, and the database with migrations, stay. */
const OWNER = "owner";
const KEPT = "app";

const rolesOf = ({ stack }: World): Roles => stack.config.roles as Roles;
const databasesOf = ({ stack }: World): Databases => stack.config.databases as Databases;
const otherRoles = (world: World) => Object.keys(rolesOf(world)).filter((role) => role !== OWNER);
const named = (world: World, prefix: string) => `${prefix}${(world.counter += 1)}`;

function someDatabase(world: World): { name: string; config: Databases[string] } {
  const name = world.random.one(Object.keys(databasesOf(world))) as string;
  return { name, config: databasesOf(world)[name] as Databases[string] };
}

/** Changes of the stack file. */
const DECLARED: Change[] = [
  (world) => {
    const role = named(world, "r");
    rolesOf(world)[role] = { login: world.random.next() < 0.5, connectionLimit: world.random.below(9) + 1 };
    return `role ${role}`;
  },
  (world) => {
    const role = world.random.one(otherRoles(world));
    if (!role) return undefined;
    delete rolesOf(world)[role];
    for (const other of Object.values(rolesOf(world)))
      if (other.memberOf) other.memberOf = other.memberOf.filter((each) => each !== role);
    for (const { grants } of Object.values(databasesOf(world))) delete grants?.[role];
    return `no role ${role}`;
  },
  (world) => {
    const role = world.random.one(otherRoles(world));
    if (!role) return undefined;
    const config = rolesOf(world)[role] as Roles[string];
    const others = otherRoles(world).filter((each) => each < role);
    const what = world.random.below(4);
    if (what === 0) config.connectionLimit = world.random.below(50);
    else if (what === 1) config.memberOf = world.random.some(others).slice(0, 2);
    else if (what === 2) config.statementTimeout = `${world.random.below(50) + 1}s`;
    else config.settings = { lock_timeout: `${world.random.below(50) + 1}s` };
    return `role ${role}: ${JSON.stringify(config)}`;
  },
  (world) => {
    const name = named(world, "d");
    databasesOf(world)[name] = { owner: OWNER, schemas: { s0: {} } };
    return `database ${name}`;
  },
  (world) => {
    const name = world.random.one(Object.keys(databasesOf(world)).filter((each) => each !== KEPT));
    if (!name) return undefined;
    delete databasesOf(world)[name];
    return `no database ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const schema = named(world, "s");
    config.schemas = { ...config.schemas, [schema]: world.random.next() < 0.3 ? { owner: OWNER } : {} };
    return `schema ${schema} in ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const schema = world.random.one(Object.keys(config.schemas ?? {}).filter((each) => each !== "s0"));
    if (!schema) return undefined;
    delete config.schemas?.[schema];
    for (const grant of Object.values(config.grants ?? {})) delete grant.schemas?.[schema];
    if (world.random.next() < 0.7) config.dropSchemas = [...(config.dropSchemas ?? []), schema];
    return `no schema ${schema} in ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const extension = world.random.one(EXTENSIONS) as string;
    const extensions = { ...config.extensions };
    if (extension in extensions) delete extensions[extension];
    else extensions[extension] = {};
    config.extensions = extensions;
    return `${extension in extensions ? "" : "no "}extension ${extension} in ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const role = world.random.one(otherRoles(world));
    const schema = world.random.one(Object.keys(config.schemas ?? {}));
    if (!role || !schema) return undefined;
    const tables = world.random.some([...TABLE_PRIVILEGES]);
    const schemas = { [schema]: { schema: ["USAGE" as const], ...(tables.length > 0 ? { tables } : {}) } };
    config.grants = { ...config.grants, [role]: { database: ["CONNECT"], schemas } };
    return `grants of ${role} in ${name}.${schema}: ${tables.join()}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const role = world.random.one(Object.keys(config.grants ?? {}));
    if (!role) return undefined;
    delete config.grants?.[role];
    return `no grants of ${role} in ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const job = named(world, "j");
    config.jobs = { ...config.jobs, [job]: { schedule: `${world.random.below(60)} 3 * * *`, command: "SELECT 1" } };
    return `job ${job} in ${name}`;
  },
  (world) => {
    const { name, config } = someDatabase(world);
    const job = world.random.one(Object.keys(config.jobs ?? {}));
    if (!job) return undefined;
    const what = world.random.below(3);
    const there = config.jobs?.[job] as NonNullable<typeof config.jobs>[string];
    if (what === 0) delete config.jobs?.[job];
    else if (what === 1) there.schedule = `${world.random.below(60)} 4 * * *`;
    else there.active = !(there.active ?? true);
    return `job ${job} of ${name}: ${["gone", "schedule", "active"][what]}`;
  },
  (world) => {
    const settings = { ...world.stack.config.server?.settings };
    const change = world.random.one<[string, string | number]>([
      ["work_mem", `${world.random.below(3) + 1}MB`],
      ["log_min_duration_statement", `${world.random.below(900) + 100}ms`],
      ["max_locks_per_transaction", 64 + world.random.below(3) * 32],
      ["log_connections", world.random.next() < 0.5 ? "on" : "off"],
    ])!;
    settings[change[0]] = change[1];
    world.stack.config.server = { ...world.stack.config.server, settings };
    return `setting ${change.join(" = ")}`;
  },
  (world) => {
    const n = (world.counter += 1);
    const version = `20260101${String(n).padStart(6, "0")}`;
    const text = world.random.one([
      `CREATE TABLE s0.t${n} (n int PRIMARY KEY, name text);`,
      `CREATE TABLE s0.t${n} (n int); INSERT INTO s0.t${n} VALUES (1), (2);`,
      `CREATE VIEW s0.v${n} AS SELECT 1 AS one;`,
      `CREATE SEQUENCE s0.q${n};`,
    ]);
    writeFileSync(join(world.migrations, `${version}_change.sql`), `-- migrate:up\n${text}\n`);
    return `migration: ${text}`;
  },
];

/** Runs SQL as the superuser. */
const sql = (world: World, database: string, statement: string) => {
  world.stack.sql(database, statement);
  return `by hand in ${database}: ${statement}`;
};

/** Roles and schemas that are there, as the stack file was before this step. */
const there = (world: World, query: string, database = "postgres") =>
  world.stack.sql(database, query).split("\n").filter(Boolean);
const roleThere = (world: World) =>
  world.random.one(there(world, `SELECT rolname FROM pg_roles WHERE rolname ~ '^r\\d+$' ORDER BY 1`));
const tableThere = (world: World) =>
  world.random.one(
    there(
      world,
      "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 's0'::regnamespace ORDER BY 1",
      KEPT,
    ),
  );

/** Changes of the server by hand. */
const BY_HAND: Change[] = [
  (world) => {
    const [role, table] = [roleThere(world), tableThere(world)];
    return role && table && sql(world, KEPT, `GRANT ${world.random.one([...TABLE_PRIVILEGES])} ON ${table} TO ${role}`);
  },
  (world) => {
    const [role, table] = [roleThere(world), tableThere(world)];
    return role && table && sql(world, KEPT, `REVOKE SELECT ON ${table} FROM ${role}`);
  },
  (world) => {
    const role = roleThere(world);
    return role && sql(world, "postgres", `ALTER ROLE ${role} CONNECTION LIMIT ${world.random.below(99)}`);
  },
  (world) => {
    const role = roleThere(world);
    return role && sql(world, "postgres", `ALTER ROLE ${role} SET work_mem = '${world.random.below(9) + 1}MB'`);
  },
  (world) => sql(world, KEPT, "ALTER SCHEMA s0 OWNER TO postgres"),
  (world) => sql(world, KEPT, "GRANT CREATE ON SCHEMA s0 TO PUBLIC"),
  (world) => sql(world, KEPT, "ALTER DATABASE app CONNECTION LIMIT 33"),
  (world) => {
    const job = world.random.one(there(world, "SELECT jobname FROM cron.job WHERE jobname ~ '^j\\d+$' ORDER BY 1"));
    return job && sql(world, "postgres", `DELETE FROM cron.job WHERE jobname = '${job}'`);
  },
  (world) => {
    const job = world.random.one(there(world, "SELECT jobname FROM cron.job WHERE jobname ~ '^j\\d+$' ORDER BY 1"));
    return job && sql(world, "postgres", `UPDATE cron.job SET schedule = '1 1 1 1 *' WHERE jobname = '${job}'`);
  },
];

/** Makes one to three changes, some of them by hand; returns what they are. */
export function change(world: World): string[] {
  const done: string[] = [];
  const byHand = world.random.next() < 0.4;
  while (byHand && done.length === 0) {
    const what = world.random.one(BY_HAND)!(world);
    if (what) done.push(what);
  }
  const wanted = done.length + world.random.below(byHand ? 2 : 3) + (byHand ? 0 : 1);
  world.stack.configure(() => {
    while (done.length < wanted) {
      const what = world.random.one(DECLARED)!(world);
      if (what) done.push(what);
    }
  });
  return done;
}
