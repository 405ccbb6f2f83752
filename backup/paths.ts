import { CONFIG_PATH } from "../tuning/defaults";

export { CONFIG_PATH };

/** Paths in the image. They are the same in every container, since pgBackRest's files contain them. */
export const DATA_PATH = "/var/lib/postgresql/data";
/** The cluster in the data volume. */
export const CLUSTER_PATH = `${DATA_PATH}/pgdata`;
/** The folder of the server's socket. */
export const SERVER_SOCKET_PATH = "/var/run/postgresql";
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
/** A script of the image. */
export const scriptPath = (name: string): string => `/usr/local/bin/${name}`;
/** Logical dumps. */
export const DUMPS_PATH = "/var/lib/pgwright-dumps";
