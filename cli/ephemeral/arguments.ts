/** The name of a stack, which becomes a part of names of Docker objects. */
export function checkName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,49}$/.test(name)) return name;
  throw new Error(`"${name}": invalid stack name; use 1 to 50 letters, digits, . _ or -, with a letter or digit first`);
}

const MS = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_DAYS = 30;

/** The milliseconds of a duration such as 8h. */
export function parseDuration(given: string): number {
  const [, count = "", unit = ""] = /^([1-9]\d{0,5})([mhd])$/.exec(given) ?? [];
  const duration = Number(count) * (MS[unit as keyof typeof MS] ?? 0);
  if (duration > 0 && duration <= LONGEST_DAYS * MS.d) return duration;
  throw new Error(
    `--for "${given}": invalid duration; write a whole number and m, h or d, such as 30m, 8h or 2d, at most ${LONGEST_DAYS}d`,
  );
}

/** Formats a time as labels and stack file have it: in UTC, without fractions of a second. */
export const timeText = (time: number): string => new Date(time).toISOString().replace(/\.\d+/, "");

/** Formats an expiry, with the time that is left. */
export function formatDuration(time: number, now: number): string {
  if (time === Infinity) return "never: an object of the stack has no expiry";
  const minutes = Math.round((time - now) / MS.m);
  const left =
    minutes < 120
      ? `${minutes} min`
      : minutes < 72 * 60
        ? `${Math.round(minutes / 60)} h`
        : `${Math.round(minutes / 1440)} d`;
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC, ${time <= now ? "EXPIRED" : `in ${left}`}`;
}
