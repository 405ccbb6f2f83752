import { describe, expect, it } from "vitest";
import { renderMetrics } from "../../cli/metrics";

describe("figures in Prometheus' text format", () => {
  it("have help and type once a name, and labels in quotes", () => {
    const bytes = { name: "pgwright_bytes", help: "Size." };
    expect(
      renderMetrics([
        { ...bytes, labels: { repository: "1", what: 'a "b"\\\n' }, value: 7 },
        { ...bytes, labels: { repository: "2" }, value: 0.5 },
        { name: "pgwright_passed", help: "Whether.", labels: {}, value: 1 },
      ]),
    ).toBe(
      [
        "# HELP pgwright_bytes Size.",
        "# TYPE pgwright_bytes gauge",
        'pgwright_bytes{repository="1",what="a \\"b\\"\\\\\\n"} 7',
        'pgwright_bytes{repository="2"} 0.5',
        "# HELP pgwright_passed Whether.",
        "# TYPE pgwright_passed gauge",
        "pgwright_passed 1",
        "",
      ].join("\n"),
    );
    expect(renderMetrics([])).toBe("");
  });
});
