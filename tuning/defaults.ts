/**
 * Settings that do not depend on the resources: few parameters, each with its reason. These keep the server's default on
 * purpose:
 * - logging_collector and log_destination: stderr is the container's log, which Docker stores and rotates;
 * - log_statement and log_min_duration_statement: they write literals, passwords among them, to the log; pgaudit redacts
 *   passwords, and pg_stat_statements finds slow statements without their literals;
 * - pgaudit in shared_preload_libraries: it costs every statement 2 to 3 % of its CPU time, even statements that it does not log. A
 *   stack that loads it gets pgaudit.log from here;
 * - log_connections: the health check would fill the log;
 * - summarize_wal: only incremental backups of pg_basebackup need it; pgBackRest does not;
 * - statement_timeout and lock_timeout: roles set them, as a migration and a web request need different ones.
 */
export interface Setting {
  /** In lower case, so that names can be compared. */
  name: string;
  value: string;
  reason: string;
}

/** The folder of postgresql.conf, pg_hba.conf and pg_ident.conf, as in image/entrypoint.sh. */
export const CONFIG_PATH = "/etc/pgwright";

const table: [name: string, value: string, reason: string][] = [
  [
    "listen_addresses",
    "*",
    "all interfaces of the container; the published address and pg_hba.conf restrict connections",
  ],
  ["hba_file", `${CONFIG_PATH}/pg_hba.conf`, "written by pgwright beside this file, not in the data directory"],
  ["ident_file", `${CONFIG_PATH}/pg_ident.conf`, "written by pgwright beside this file, not in the data directory"],
  ["allow_alter_system", "off", "the stack file declares all settings, so that they are reviewed"],
  ["password_encryption", "scram-sha-256", "an md5 verifier is enough to log in; a SCRAM verifier is not"],

  ["shared_preload_libraries", "pg_stat_statements,pg_cron", "for statement statistics and cron jobs"],
  ["cron.use_background_workers", "on", "jobs need no password and no rule in pg_hba.conf"],
  ["cron.timezone", "UTC", "no daylight saving time: no hour of a schedule is skipped or repeated"],
  ["pgaudit.log", "ddl,role", "logs DDL and changes of roles and privileges, with passwords redacted"],

  ["timezone", "UTC", "timestamps without an offset mean the same for every client and job"],
  ["log_timezone", "UTC", "log lines of several machines are comparable"],
  [
    "default_text_search_config",
    "pg_catalog.english",
    "the value that initdb writes; the server's default is 'simple'",
  ],

  ["wal_level", "replica", "required by archiving, base backups and standbys"],
  ["wal_compression", "lz4", "less WAL from full page images, at a low cost of CPU time"],
  [
    "checkpoint_timeout",
    "15min",
    "fewer full page images in the WAL than every 5min; max_wal_size still bounds a recovery",
  ],
  ["default_toast_compression", "lz4", "compresses about as well as pglz, and several times faster"],

  [
    "idle_in_transaction_session_timeout",
    "10min",
    "an idle transaction holds locks and prevents vacuum from removing dead rows",
  ],

  [
    "track_io_timing",
    "on",
    "EXPLAIN and pg_stat_statements show the I/O time; reading the clock is cheap on this platform",
  ],
  [
    "update_process_title",
    "off",
    "pg_stat_activity shows the activity of sessions; updating the title costs time in each statement",
  ],
  [
    "log_line_prefix",
    "%m [%p] user=%u,db=%d,app=%a,client=%h ",
    "time, process, user, database, application and client; pgBadger reads this format",
  ],
  [
    "log_lock_waits",
    "on",
    "logs sessions that wait for a lock longer than deadlock_timeout, and the sessions that hold it",
  ],
  ["log_temp_files", "10MB", "logs queries that exceed work_mem by far"],
  ["log_autovacuum_min_duration", "10s", "logs long runs of autovacuum with their statistics"],
];

export const fixedSettings: readonly Setting[] = table.map(([name, value, reason]) => ({ name, value, reason }));
