import type { TestStack } from "../stack";

/** What is on a server, as texts that can be compared. */
export interface Snapshot {
  /** Roles, memberships, settings of roles and databases. */
  globals: string;
  /** Schema and privileges, by database. */
  databases: Record<string, string>;
  /** What each role may do with tables and views, `database role privilege table`: by itself, through groups or through PUBLIC. */
  access: string[];
  /** Roles that each role is a member of. */
  groups: Record<string, string[]>;
  jobs: string;
  settings: string;
  container: string;
  started: string;
  volumes: string;
}

const ACCESS = `
  SELECT format('%s %s %s %s', current_database(), r.rolname, p.name, c.oid::regclass)
  FROM pg_roles AS r, pg_class AS c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p (name)
  WHERE r.rolname ~ '^r\\d+$' AND c.relkind IN ('r', 'v') AND c.relnamespace::regnamespace::text ~ '^s\\d+$'
    AND has_table_privilege(r.oid, c.oid, p.name)
  ORDER BY 1`;
const GROUPS = `
  SELECT coalesce(json_object_agg(rolname, groups), '{}') FROM (
    SELECT m.rolname, json_agg(g.rolname) AS groups
    FROM pg_roles AS m JOIN pg_roles AS g ON g.oid <> m.oid AND pg_has_role(m.oid, g.oid, 'MEMBER')
    WHERE m.rolname ~ '^r\\d+$' GROUP BY 1
  ) AS each`;

/** What a dump holds that is another each time. */
const withoutNoise = (dump: string) =>
  dump
    .split("\n")
    .filter((line) => !/^\\(un)?restrict |^-- (Started|Completed) on|^--|^$/.test(line))
    .join("\n");

export function takeSnapshot(stack: TestStack): Snapshot {
  const dump = (...args: string[]) => withoutNoise(stack.inServer(...args, "-U", "postgres"));
  const names = stack.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").split("\n");
  return {
    globals: dump("pg_dumpall", "--globals-only", "--no-role-passwords"),
    databases: Object.fromEntries(
      names.map((name) => [
        name,
        [
          dump("pg_dump", "--schema-only", name),
          stack.sql(
            "postgres",
            `SELECT datacl, datconnlimit, datdba::regrole FROM pg_database WHERE datname = '${name}'`,
          ),
        ].join("\n"),
      ]),
    ),
    access: names.flatMap((name) => stack.sql(name, ACCESS).split("\n")).filter((line) => line !== ""),
    groups: JSON.parse(stack.sql("postgres", GROUPS)) as Record<string, string[]>,
    jobs: stack.sql(
      "postgres",
      "SELECT jobid, jobname, schedule, command, database, username, active FROM cron.job ORDER BY 2",
    ),
    settings: stack.sql(
      "postgres",
      "SELECT name, setting FROM pg_settings WHERE source = 'configuration file' ORDER BY 1",
    ),
    container: stack.containerId(),
    started: stack.startTime(),
    volumes: stack.remains().join("\n"),
  };
}
