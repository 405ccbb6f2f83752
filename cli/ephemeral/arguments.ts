import { milliseconds } from "../../config/units";

/** The name of a stack, which becomes a part of names of Docker objects. */
export function checkName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,49}$/.test(name)) return name;
  throw new Error(`"${name}": invalid stack name; use 1 to 50 letters, digits, . _ or -, with a letter or digit first`);
}

const LONGEST = "30d";

/** The milliseconds of a duration such as 8h. */
export function parseDuration(given: string): number {
  const duration = milliseconds(given);
  if (duration <= milliseconds(LONGEST)) return duration;
  throw new Error(
    `--for "${given}": invalid duration; write a whole number and m, h or d, such as 30m, 8h or 2d, at most ${LONGEST}`,
  );
}

/** Formats a time as labels and stack file have it: in UTC, without fractions of a second. */
export const timeText = (time: number): string => new Date(time).toISOString().replace(/\.\d+/, "");

/** Formats an expiry, with the time that is left. */
export function formatDuration(time: number, now: number): string {
  if (time === Infinity) return "never: an object of the stack has no expiry";
  const minutes = Math.round((time - now) / 60_000);
  const left =
    minutes < 120
      ? `${minutes} min`
      : minutes < 72 * 60
        ? `${Math.round(minutes / 60)} h`
        : `${Math.round(minutes / 1440)} d`;
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC, ${time <= now ? "EXPIRED" : `in ${left}`}`;
}
