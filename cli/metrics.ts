/** A figure, as the view pgwright.backup_metrics has it. */
export interface Metric {
  name: string;
  help: string;
  labels: Record<string, string>;
  value: number;
}

const escaped = (text: string) => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");

/** Figures in Prometheus' text format. Figures of one name have to stand together. */
export function renderMetrics(metrics: Metric[]): string {
  return metrics
    .flatMap(({ name, help, labels, value }, i) => {
      const list = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
      const line = `${name}${list.length > 0 ? `{${list.join(",")}}` : ""} ${value}`;
      return metrics[i - 1]?.name === name ? [line] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, line];
    })
    .map((line) => `${line}\n`)
    .join("");
}
