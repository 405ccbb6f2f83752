/**
 * What pgwright sets beside the sizes, whatever the machine: few parameters, each with its reason. Left as the server has
 * them, on purpose:
 * - logging_collector and log_destination: stderr is the container's log, which Docker keeps and rotates;
 * - log_statement and log_min_duration_statement: they write literals, passwords among them, to the log; pgaudit redacts
 *   passwords, and pg_stat_statements finds slow statements without their literals;
 * - pgaudit in shared_preload_libraries: it costs every statement 2 to 3 % of its CPU time, also those that it does not log. Who
 *   loads it gets pgaudit.log from here;
 * - log_connections: the health check would fill the log;
 * - summarize_wal: only pg_basebackup's increments need it; pgBackRest has its own;
 * - statement_timeout and lock_timeout: they belong to roles, as a migration and a web request need different ones.
 */
export interface Setting {
  /** Lower case, so that a name is the same wherever it is looked up. */
  name: string;
  value: string;
  reason: string;
}

/** Where image/entrypoint.sh starts the server from; pg_hba.conf and pg_ident.conf lie beside postgresql.conf. */
const configFolder = "/etc/pgwright";

const table: [name: string, value: string, reason: string][] = [
  [
    "listen_addresses",
    "*",
    "all interfaces of the container; the published address and pg_hba.conf decide who gets in",
  ],
  ["hba_file", `${configFolder}/pg_hba.conf`, "written by pgwright beside this file, not in the data directory"],
  ["ident_file", `${configFolder}/pg_ident.conf`, "written by pgwright beside this file, not in the data directory"],
  ["allow_alter_system", "off", "settings are made in the stack file, where a review sees them"],
  ["password_encryption", "scram-sha-256", "md5 verifiers can be replayed by whoever reads them"],

  ["shared_preload_libraries", "pg_stat_statements,pg_cron", "statement statistics and jobs need it"],
  ["cron.use_background_workers", "on", "jobs then need no password and no rule in pg_hba.conf"],
  ["cron.timezone", "UTC", "a schedule means the same all year: no hour is skipped or run twice"],
  ["pgaudit.log", "ddl,role", "who changed which structure or privilege, with passwords redacted"],

  ["timezone", "UTC", "timestamps without an offset mean the same to every client and job"],
  ["log_timezone", "UTC", "log lines of several machines can be compared"],
  [
    "default_text_search_config",
    "pg_catalog.english",
    "what initdb writes for this cluster; without a line it is 'simple'",
  ],

  ["wal_level", "replica", "archiving, base backups and standbys need it"],
  ["wal_compression", "lz4", "less WAL from full page images, for little CPU time"],
  [
    "checkpoint_timeout",
    "15min",
    "fewer full page images in the WAL than every 5min; max_wal_size still bounds a recovery",
  ],
  ["default_toast_compression", "lz4", "compresses about as well as pglz and several times faster"],

  [
    "idle_in_transaction_session_timeout",
    "10min",
    "a forgotten transaction holds locks and stops vacuum from cleaning up",
  ],

  [
    "track_io_timing",
    "on",
    "EXPLAIN and pg_stat_statements show time spent on I/O; reading the clock costs little here",
  ],
  ["update_process_title", "off", "pg_stat_activity says what a session does; setting its title costs each statement"],
  [
    "log_line_prefix",
    "%m [%p] user=%u,db=%d,app=%a,client=%h ",
    "who, where from, when; pgBadger and auditors read it",
  ],
  ["log_lock_waits", "on", "who waits longer than deadlock_timeout for whom"],
  ["log_temp_files", "10MB", "queries that outgrow work_mem by much"],
  ["log_autovacuum_min_duration", "10s", "autovacuum runs that take long, with what they did"],
];

export const houseDefaults: readonly Setting[] = table.map(([name, value, reason]) => ({ name, value, reason }));
