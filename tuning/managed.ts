/**
 * Parameters that no stack file sets: pgwright sets them itself, and another value would cut a part of it off. The text says
 * why and what to do instead.
 */
const managed: Record<string, string> = {
  allow_alter_system: "ALTER SYSTEM stays off, so that the stack file is the only place where settings are made",
  archive_cleanup_command: "it belongs to a standby or a restore; pgwright sets it where one is set up",
  config_file: "the server reads the file that pgwright writes; set parameters one by one instead",
  data_directory: "the image fixes it to a folder of the data volume; choose the volume instead",
  external_pid_file: "nothing outside the container could read it; ask Docker for the state of the container",
  hba_file: "pgwright writes it from the access rules of the stack file; change those",
  ident_file: "pgwright writes it from the access rules of the stack file; change those",
  listen_addresses: "the container listens on all of its own interfaces; choose the published address instead",
  port: "the server listens on 5432 inside the container; choose the published port instead",
  primary_conninfo: "it belongs to a standby; pgwright sets it where one is set up",
  primary_slot_name: "it belongs to a standby; pgwright sets it where one is set up",
  recovery_end_command: "it belongs to a restore; pgwright sets it where one is made",
  recovery_target: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_action: "a restore is declared in the stack file; pgwright sets what follows it",
  recovery_target_inclusive: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_lsn: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_name: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_time: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_timeline: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_xid: "a restore is declared in the stack file; pgwright sets its target",
  restore_command: "it belongs to a restore; pgwright sets it where one is made",
  transaction_deferrable: "it is a property of one transaction; set default_transaction_deferrable",
  transaction_isolation: "it is a property of one transaction; set default_transaction_isolation",
  transaction_read_only: "it is a property of one transaction; set default_transaction_read_only",
  unix_socket_directories: "the health check and the backups connect through the image's own socket folder",
  unix_socket_permissions: "the socket is reached only inside the container; say who may log in in the access rules",
};

/** Names that other versions of PostgreSQL have, with what to use in 17. */
const otherVersions: Record<string, string> = {
  autovacuum_worker_slots: "it comes with PostgreSQL 18; set autovacuum_max_workers",
  checkpoint_segments: "it went with PostgreSQL 9.5; set max_wal_size",
  db_user_namespace: "it went with PostgreSQL 17",
  idle_replication_slot_timeout: "it comes with PostgreSQL 18; set max_slot_wal_keep_size",
  io_max_combine_limit: "it comes with PostgreSQL 18; set io_combine_limit",
  io_method: "it comes with PostgreSQL 18",
  io_workers: "it comes with PostgreSQL 18",
  log_lock_failures: "it comes with PostgreSQL 18",
  old_snapshot_threshold: "it went with PostgreSQL 17",
  replacement_sort_tuples: "it went with PostgreSQL 11",
  sort_mem: "it is an old name; set work_mem",
  stats_temp_directory: "it went with PostgreSQL 15",
  vacuum_defer_cleanup_age: "it went with PostgreSQL 16",
  vacuum_mem: "it is an old name; set maintenance_work_mem",
  wal_keep_segments: "it went with PostgreSQL 13; set wal_keep_size",
};

/** Of the class in which pgwright notes what SHOW can read back, such as the hash of the configuration that is loaded. */
const OWN = "the class is pgwright's own; take another name";

/** Why the stack file may not set `name` (lower case) and what to do instead, or undefined. */
export const whyManaged = (name: string): string | undefined =>
  Object.hasOwn(managed, name) ? managed[name] : name.startsWith("pgwright.") ? OWN : undefined;

/** In which version `name` (lower case) exists and what to use instead, or undefined. */
export const whyOtherVersion = (name: string): string | undefined =>
  Object.hasOwn(otherVersions, name) ? otherVersions[name] : undefined;
