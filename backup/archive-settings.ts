import type { BackupConfig } from "../config/backup";
import type { Setting } from "../tuning/defaults";
import { CONFIG_PATH, SERVER_SOCKET_PATH, SOCKET_PATH } from "./paths";

/** Parameters that archiving needs, beside the command. */
export function archiveSettings({ archiveTimeout }: BackupConfig): Setting[] {
  return [
    { name: "archive_mode", value: "on", reason: "WAL goes to the repositories of the backup" },
    { name: "archive_timeout", value: archiveTimeout, reason: "backup.archiveTimeout: the most that can be lost" },
    {
      name: "unix_socket_directories",
      value: `${SERVER_SOCKET_PATH},${SOCKET_PATH}`,
      reason: "the backup agent connects by a socket on the data volume",
    },
  ];
}

/** The command that archives a WAL segment. `stanza`: the server's name in the repositories, which the stack file may leave open. */
export function archiveCommand(stanza: string, { repositories }: BackupConfig): Setting {
  // pgBackRest waits eighteen times this time for a repository that does not answer, and the other repositories wait too.
  const timeout = repositories.some(({ s3 }) => s3) ? " --io-timeout=5" : "";
  return {
    name: "archive_command",
    // Fails until the repositories are ready: until then the server keeps the WAL.
    value: `pgbackrest --config=${CONFIG_PATH}/pgbackrest.conf --stanza=${stanza}${timeout} archive-push %p`,
    reason: "each WAL segment goes to all repositories of the backup",
  };
}
