import { archiveSettings } from "../backup/archive-settings";
import { tune, type Tuning } from "../tuning/tune";
import type { Stack } from "./stack";
import { mebibytes } from "./units";

const REASON = "ephemeral.durable is false: the data of this server may be lost";
const NOT_DURABLE = ["fsync", "full_page_writes", "synchronous_commit"].map((name) => ({
  name,
  value: "off",
  reason: REASON,
}));

/**
 * The settings of postgresql.conf for a declared server: tuned ones, overridden by the stack file's settings. The command of the WAL
 * archive is not among them, since it names the server. Throws an error with all problems, one a line.
 */
export function serverSettings({ server, backup, ephemeral }: Pick<Stack, "server" | "backup" | "ephemeral">): Tuning {
  const { memory, cpus, storage, workload, connections, databaseSize, settings, cronDatabase } = server;
  const durable = ephemeral?.durable ?? true;
  const resources = { memory: mebibytes(memory), cpus, storage, workload, connections, databaseSize };
  const tuning = tune(resources, settings, [
    { name: "cron.database_name", value: cronDatabase, reason: "the database that holds pg_cron: server.cronDatabase" },
    ...(backup ? archiveSettings(backup) : []),
    ...(durable ? [] : NOT_DURABLE),
  ]);
  if (durable) return tuning;
  const names = NOT_DURABLE.map(({ name }) => name).join(", ");
  return {
    ...tuning,
    warnings: [...tuning.warnings, `NOT DURABLE: ${names} are off; if the machine crashes, the data is lost`],
  };
}
