import { archiveSettings } from "../backup/archive-settings";
import { settingsFor, type Tuning } from "../tuning/tune";
import type { BackupConfig } from "./backup";
import type { ServerConfig } from "./stack";
import { mebibytes } from "./units";

/**
 * postgresql.conf for a server of the stack file: tuned, with the stack file's own settings winning. `backup`: archives its
 * WAL under the name `stanza`. Throws what is wrong.
 */
export function serverSettings(server: ServerConfig, backup?: BackupConfig & { stanza: string }): Tuning {
  const { memory, cpus, storage, workload, connections, databaseSize, settings, cronDatabase } = server;
  return settingsFor({ memory: mebibytes(memory), cpus, storage, workload, connections, databaseSize }, settings, [
    { name: "cron.database_name", value: cronDatabase, reason: "the database that holds pg_cron: server.cronDatabase" },
    ...(backup ? archiveSettings(backup.stanza, backup) : []),
  ]);
}
