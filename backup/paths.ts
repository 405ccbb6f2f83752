/** Paths in the image. They are the same in every container, since pgBackRest's files contain them. */
export const DATA_PATH = "/var/lib/postgresql/data";
export const CONFIG_PATH = "/etc/pgwright";
/** The cluster in the data volume. */
export const CLUSTER_PATH = `${DATA_PATH}/pgdata`;
/** The server's socket for other containers that mount the data volume. */
export const SOCKET_PATH = `${DATA_PATH}/socket`;
/** pgBackRest's spool directory for asynchronous archiving. */
export const SPOOL_PATH = `${DATA_PATH}/spool`;
/** The records of the agent: runs of jobs, and drills. */
export const LEDGER_PATH = "/var/lib/pgwright";

/** Folder of a repository; `number` from 1 on. */
export const repositoryPath = (number: number): string => `/var/lib/pgbackrest/${number}`;
/** The CA certificate of a repository's endpoint: its file name on the configuration volume, and its path. */
export const certificateFile = (number: number): string => `repository-${number}.crt`;
export const certificatePath = (number: number): string => `${CONFIG_PATH}/${certificateFile(number)}`;
/** Logical dumps. */
export const DUMPS_PATH = "/var/lib/pgwright-dumps";
