import { readRows } from "../../provider/catalog-query";
import { connect } from "../../provider/connection";
import type { Invocation } from "../options";
import { BACKUP_METRICS, renderMetrics, VECTOR_METRICS, type Metric } from "../metrics";
import { databasesWithVectors, hasBackup, hostOf } from "../server";
import type { Host } from "../../provider/host";

/** `npm run --silent metrics`: metrics of backups and vector indexes in Prometheus' text format, for example for its textfile collector. */
export async function metrics({ stack }: Invocation): Promise<number> {
  const host = hostOf(stack);
  const figures = hasBackup(stack) ? await read(host, "postgres", BACKUP_METRICS) : [];
  for (const database of databasesWithVectors(stack)) figures.push(...(await read(host, database, VECTOR_METRICS)));
  const byName = (a: Metric, b: Metric) => (a.name < b.name ? -1 : Number(a.name > b.name));
  process.stdout.write(renderMetrics(figures.sort(byName)));
  return 0;
}

async function read(host: Host, database: string, query: typeof BACKUP_METRICS): Promise<Metric[]> {
  const client = await connect(host, database);
  try {
    return await readRows(client, query);
  } finally {
    await client.end();
  }
}
