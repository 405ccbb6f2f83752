import type { TestStack } from "../stack";

/** What is on a server, as texts that can be compared. */
export interface Snapshot {
  /** Roles, memberships, settings of roles and databases. */
  globals: string;
  /** Schema and privileges, by database. */
  databases: Record<string, string>;
  jobs: string;
  settings: string;
  container: string;
  started: string;
  volumes: string;
}

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
