import type { BackupConfig } from "../config/backup";
import type { Setting } from "../tuning/defaults";
import { CONFIG_PATH, SOCKET_PATH } from "./paths";

/** What the server needs for its archive. `stanza`: the server's name in the repositories. */
export function archiveSettings(stanza: string, { archiveTimeout, repositories }: BackupConfig): Setting[] {
  // One that does not answer is asked for eighteen times as long, and until then the others get nothing either.
  const patience = repositories.some(({ s3 }) => s3) ? " --io-timeout=5" : "";
  return [
    { name: "archive_mode", value: "on", reason: "WAL goes to the repositories of the backup" },
    {
      name: "archive_command",
      // Fails until the repositories are ready: the WAL waits.
      value: `pgbackrest --config=${CONFIG_PATH}/pgbackrest.conf --stanza=${stanza}${patience} archive-push %p`,
      reason: "each WAL segment goes to all repositories of the backup",
    },
    { name: "archive_timeout", value: archiveTimeout, reason: "backup.archiveTimeout: the most that can be lost" },
    {
      name: "unix_socket_directories",
      value: `/var/run/postgresql,${SOCKET_PATH}`,
      reason: "the backup agent connects by a socket on the data volume",
    },
  ];
}
