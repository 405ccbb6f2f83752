import { z } from "zod";
import { catalogQuery, type RowOf } from "../provider/catalog-query";

const COLUMNS = {
  name: z.string(),
  help: z.string(),
  labels: z.record(z.string(), z.string()),
  value: z.number(),
};
export const BACKUP_METRICS = catalogQuery("backup-metrics", COLUMNS);
export const VECTOR_METRICS = catalogQuery("vector-metrics", COLUMNS);
export type Metric = RowOf<typeof BACKUP_METRICS>;

const escapeLabel = (text: string) => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");

/** Formats metrics in Prometheus' text format. Metrics of one name have to be adjacent. */
export function renderMetrics(metrics: Metric[]): string {
  return metrics
    .flatMap(({ name, help, labels, value }, i) => {
      const list = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
      const line = `${name}${list.length > 0 ? `{${list.join(",")}}` : ""} ${value}`;
      return metrics[i - 1]?.name === name ? [line] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, line];
    })
    .map((line) => `${line}\n`)
    .join("");
}
