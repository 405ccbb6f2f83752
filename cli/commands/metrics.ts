import { connect } from "../../provider/connection";
import type { Invocation } from "../main";
import { renderMetrics, type Metric } from "../metrics";
import { hostOf } from "../server";

/** `npm run --silent metrics`: figures of the backups in Prometheus' text format, for its textfile collector say. */
export async function metrics({ stack }: Invocation): Promise<number> {
  const client = await connect(hostOf(stack), "postgres");
  try {
    const { rows } = await client.query<Metric>("SELECT * FROM pgwright.backup_metrics ORDER BY name, labels");
    process.stdout.write(renderMetrics(rows));
    return 0;
  } finally {
    await client.end();
  }
}
