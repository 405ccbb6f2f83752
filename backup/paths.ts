/** Where the image has what backups need; the same in every container, as pgBackRest's files name them. */
export const DATA_PATH = "/var/lib/postgresql/data";
export const CONFIG_PATH = "/etc/pgwright";
/** The cluster in the data volume. */
export const CLUSTER_PATH = `${DATA_PATH}/pgdata`;
/** A socket of the server that other containers with the data volume can reach. */
export const SOCKET_PATH = `${DATA_PATH}/socket`;
/** What archiving notes beside the WAL. */
export const SPOOL_PATH = `${DATA_PATH}/spool`;
/** The ledger of the agent. */
export const LEDGER_PATH = "/var/lib/pgwright";

/** Folder of a repository; `number` from 1 on. */
export const repositoryPath = (number: number): string => `/var/lib/pgbackrest/${number}`;
/** The certificate of the CA of a repository's endpoint: its name among the files of the configuration, and where it is. */
export const certificateFile = (number: number): string => `repository-${number}.crt`;
export const certificatePath = (number: number): string => `${CONFIG_PATH}/${certificateFile(number)}`;
/** Logical dumps. */
export const DUMPS_PATH = "/var/lib/pgwright-dumps";
