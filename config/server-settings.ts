import { archiveSettings } from "../backup/archive-settings";
import { settingsFor, type Tuning } from "../tuning/tune";
import type { BackupConfig } from "./backup";
import type { EphemeralConfig } from "./ephemeral";
import type { ServerConfig } from "./stack";
import { mebibytes } from "./units";

const REASON = "ephemeral.durable is false: the data of this server may be lost";
const NOT_DURABLE = ["fsync", "full_page_writes", "synchronous_commit"].map((name) => ({
  name,
  value: "off",
  reason: REASON,
}));

/**
 * The settings of postgresql.conf for a declared server: tuned ones, overridden by the stack file's settings. With `backup`, the server
 * archives its WAL under the name `stanza`. Throws an error with all problems, one a line.
 */
export function serverSettings(
  server: ServerConfig,
  backup?: BackupConfig & { stanza: string },
  { durable }: Pick<EphemeralConfig, "durable"> = { durable: true },
): Tuning {
  const { memory, cpus, storage, workload, connections, databaseSize, settings, cronDatabase } = server;
  const resources = { memory: mebibytes(memory), cpus, storage, workload, connections, databaseSize };
  const tuning = settingsFor(resources, settings, [
    { name: "cron.database_name", value: cronDatabase, reason: "the database that holds pg_cron: server.cronDatabase" },
    ...(backup ? archiveSettings(backup.stanza, backup) : []),
    ...(durable ? [] : NOT_DURABLE),
  ]);
  if (durable) return tuning;
  const names = NOT_DURABLE.map(({ name }) => name).join(", ");
  return {
    ...tuning,
    warnings: [...tuning.warnings, `NOT DURABLE: ${names} are off; if the machine crashes, the data is lost`],
  };
}
