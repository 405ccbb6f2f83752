/**
 * Parameters that a stack file cannot set, because pgwright sets them and depends on their value. The text states the reason and
 * what to do instead.
 */
const managed: Record<string, string> = {
  allow_alter_system: "ALTER SYSTEM stays off, so that only the stack file declares settings",
  archive_cleanup_command: "it belongs to a standby or a restore; pgwright sets it there",
  config_file: "the server reads the file that pgwright writes; set single parameters instead",
  data_directory: "the image uses a folder of the data volume; choose the volume instead",
  external_pid_file: "no process outside of the container could read it; ask Docker for the state of the container",
  hba_file: "pgwright writes it from the access rules of the stack file; change those",
  ident_file: "pgwright writes it from the access rules of the stack file; change those",
  listen_addresses: "the container listens on all of its own interfaces; choose the published address instead",
  port: "the server listens on 5432 inside the container; choose the published port instead",
  primary_conninfo: "it belongs to a standby; pgwright sets it there",
  primary_slot_name: "it belongs to a standby; pgwright sets it there",
  recovery_end_command: "it belongs to a restore; pgwright sets it there",
  recovery_target: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_action: "a restore is declared in the stack file; pgwright sets this action",
  recovery_target_inclusive: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_lsn: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_name: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_time: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_timeline: "a restore is declared in the stack file; pgwright sets its target",
  recovery_target_xid: "a restore is declared in the stack file; pgwright sets its target",
  restore_command: "it belongs to a restore; pgwright sets it there",
  transaction_deferrable: "it is a property of one transaction; set default_transaction_deferrable",
  transaction_isolation: "it is a property of one transaction; set default_transaction_isolation",
  transaction_read_only: "it is a property of one transaction; set default_transaction_read_only",
  unix_socket_directories: "the health check and the backups connect through the socket folder of the image",
  unix_socket_permissions: "the socket can be reached only inside the container; restrict logins in the access rules",
};

/** Parameters of other versions of PostgreSQL, with the replacement in 17. */
const otherVersions: Record<string, string> = {
  autovacuum_worker_slots: "it is new in PostgreSQL 18; set autovacuum_max_workers",
  checkpoint_segments: "it was removed in PostgreSQL 9.5; set max_wal_size",
  db_user_namespace: "it was removed in PostgreSQL 17",
  idle_replication_slot_timeout: "it is new in PostgreSQL 18; set max_slot_wal_keep_size",
  io_max_combine_limit: "it is new in PostgreSQL 18; set io_combine_limit",
  io_method: "it is new in PostgreSQL 18",
  io_workers: "it is new in PostgreSQL 18",
  log_lock_failures: "it is new in PostgreSQL 18",
  old_snapshot_threshold: "it was removed in PostgreSQL 17",
  replacement_sort_tuples: "it was removed in PostgreSQL 11",
  sort_mem: "it is an old name; set work_mem",
  stats_temp_directory: "it was removed in PostgreSQL 15",
  vacuum_defer_cleanup_age: "it was removed in PostgreSQL 16",
  vacuum_mem: "it is an old name; set maintenance_work_mem",
  wal_keep_segments: "it was removed in PostgreSQL 13; set wal_keep_size",
};

/** In this class pgwright stores values to read back with SHOW, such as the hash of the loaded configuration. */
const OWN = "pgwright reserves this class; choose another name";

/** Why the stack file cannot set `name` (lower case), and what to do instead; undefined if it can. */
export const whyManaged = (name: string): string | undefined =>
  Object.hasOwn(managed, name) ? managed[name] : name.startsWith("pgwright.") ? OWN : undefined;

/** The version that has `name` (lower case), and what to use instead; undefined if unknown. */
export const whyOtherVersion = (name: string): string | undefined =>
  Object.hasOwn(otherVersions, name) ? otherVersions[name] : undefined;
