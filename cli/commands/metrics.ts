import { connect } from "../../provider/connection";
import type { Invocation } from "../options";
import { renderMetrics, type Metric } from "../metrics";
import { databasesWithVectors, hasBackup, hostOf } from "../server";
import type { Host } from "../../provider/host";

/** `npm run --silent metrics`: metrics of backups and vector indexes in Prometheus' text format, for example for its textfile collector. */
export async function metrics({ stack }: Invocation): Promise<number> {
  const host = hostOf(stack);
  const figures = hasBackup(stack) ? await read(host, "postgres", "backup_metrics") : [];
  for (const database of databasesWithVectors(stack)) figures.push(...(await read(host, database, "vector_metrics")));
  const byName = (a: Metric, b: Metric) => (a.name < b.name ? -1 : Number(a.name > b.name));
  process.stdout.write(renderMetrics(figures.sort(byName)));
  return 0;
}

async function read(host: Host, database: string, view: string): Promise<Metric[]> {
  const client = await connect(host, database);
  try {
    return (await client.query<Metric>(`SELECT * FROM pgwright.${view} ORDER BY name, labels`)).rows;
  } finally {
    await client.end();
  }
}
