/** Parses a size in PostgreSQL's notation ("512MB", "2GB"), in MiB. Throws if `size` has another form. */
export function mebibytes(size: string): number {
  const match = /^(\d+)(MB|GB|TB)$/.exec(size);
  if (!match) throw new Error(`"${size}" is not a size; write a whole number and MB, GB or TB, such as 512MB or 2GB`);
  return Number(match[1]) * { MB: 1, GB: 1024, TB: 1024 * 1024 }[match[2] as "MB" | "GB" | "TB"];
}

/** Parses a duration in PostgreSQL's notation ("500ms", "30s", "5min", "1h"), in milliseconds. Throws if it has another form. */
export function milliseconds(duration: string): number {
  const match = /^(\d+)(ms|s|min|h|d)$/.exec(duration);
  if (!match)
    throw new Error(
      `"${duration}" is not a duration; write a whole number and ms, s, min, h or d, such as 30s or 5min`,
    );
  return (
    Number(match[1]) *
    { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "ms" | "s" | "min" | "h" | "d"]
  );
}
