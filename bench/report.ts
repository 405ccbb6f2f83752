import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One figure: ours and the peer's, measured in the same run. */
export interface Figure {
  name: string;
  ours: number;
  peer: number;
  /** Of both values: "s", "tps". */
  unit: string;
  /** Name of the peer. */
  against: string;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Seconds that `act` takes. */
export async function seconds(act: () => Promise<unknown> | unknown): Promise<number> {
  const started = process.hrtime.bigint();
  await act();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

const text = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function table(figures: Figure[]): string {
  const rows = figures.map(
    ({ name, ours, peer, unit, against }) =>
      `| ${name} | ${text(ours)} ${unit} | ${text(peer)} ${unit} | ${against} | ${(ours / peer).toFixed(2)} |`,
  );
  return ["| figure | ours | peer | the peer | ours / peer |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}

/** Draws two bars a figure, scaled to the larger one. */
function plot(title: string, figures: Figure[]): string {
  const row = 56;
  const bars = figures.map(({ name, ours, peer, unit }, i) => {
    const widest = Math.max(ours, peer);
    const bar = (value: number, y: number, fill: string) =>
      `<rect x="230" y="${y}" width="${((value / widest) * 380).toFixed(1)}" height="18" fill="${fill}"/><text x="620" y="${y + 14}">${text(value)} ${unit}</text>`;
    const top = 40 + i * row;
    return `<text x="10" y="${top + 24}">${name}</text>${bar(ours, top, "#336791")}${bar(peer, top + 20, "#b0b7bf")}`;
  });
  const height = 50 + figures.length * row;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="740" height="${height}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/><text x="10" y="22" font-weight="bold">${title} (blue: ours, grey: peer)</text>${bars.join("")}</svg>\n`;
}

/** Writes table and plot into bench/out, and prints the table and then a line `ratio NAME VALUE` a figure. */
export function report(bench: string, figures: Figure[]): void {
  const folder = join(__dirname, "out");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${bench}.md`), `${table(figures)}\n`);
  writeFileSync(join(folder, `${bench}.svg`), plot(bench, figures));
  console.log(`\n${table(figures)}\n\nwritten to ${folder}/${bench}.md and .svg\n`);
  for (const { name, ours, peer } of figures) console.log(`ratio ${bench}.${name} ${(ours / peer).toFixed(3)}`);
}
