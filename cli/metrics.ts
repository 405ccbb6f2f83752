/** A metric: a row of the view pgwright.backup_metrics or pgwright.vector_metrics. */
export interface Metric {
  name: string;
  help: string;
  labels: Record<string, string>;
  value: number;
}

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
