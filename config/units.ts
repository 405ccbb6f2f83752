/** Parses a size in PostgreSQL's notation ("512MB", "2GB"), in MiB. Throws if `size` has another form. */
export function mebibytes(size: string): number {
  const match = /^(\d+)(MB|GB|TB)$/.exec(size);
  if (!match) throw new Error(`"${size}" is not a size; write a whole number and MB, GB or TB, such as 512MB or 2GB`);
  return Number(match[1]) * { MB: 1, GB: 1024, TB: 1024 * 1024 }[match[2] as "MB" | "GB" | "TB"];
}

/** A duration in PostgreSQL's notation: "500ms", "30s", "5min", "1h". */
export const DURATION = /^\d+(ms|s|min|h|d)$/;

const MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The milliseconds of a period of minutes, hours or days ("30m", "8h", "2d"); NaN if `period` has another form. */
export function milliseconds(period: string): number {
  const [, count, unit] = /^([1-9]\d*)([mhd])$/.exec(period) ?? [];
  return Number(count) * MS[unit as keyof typeof MS];
}
