import { parseArgs } from "node:util";

export const USAGE = `npm run ephemeral -- up NAME [--from FILE] [--for 8h] [--not-durable] [--role ROLE] [--database DATABASE] [--env FILE] [--json]
npm run ephemeral -- list [--engine ENGINE] [--json]
npm run ephemeral -- destroy NAME [--engine ENGINE]
npm run ephemeral -- sweep [--engine ENGINE]`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const OPTIONS = {
  up: { from: text, for: text, "not-durable": flag, role: text, database: text, env: text, json: flag },
  list: { engine: text, json: flag },
  destroy: { engine: text },
  sweep: { engine: text },
};

export type Action = keyof typeof OPTIONS;

export interface Request {
  action: Action;
  /** Name of the stack; empty for `list` and `sweep`. */
  name: string;
  options: Partial<Record<"from" | "for" | "role" | "database" | "env" | "engine", string>> &
    Partial<Record<"json" | "not-durable", boolean>>;
}

/** Parses the arguments; throws with the usage if they are invalid. */
export function parseRequest([action = "", ...args]: string[]): Request {
  if (!(action in OPTIONS))
    throw new Error(`ephemeral "${action}": unknown action; use one of ${Object.keys(OPTIONS).join(", ")}\n${USAGE}`);
  const options = OPTIONS[action as Action];
  const { values, positionals } = parse(args, options);
  const [name = "", ...more] = positionals;
  const named = action === "up" || action === "destroy";
  if (positionals.length !== (named ? 1 : 0))
    throw new Error(
      `ephemeral ${action}: takes ${named ? "one name" : "no name"}, not "${positionals.join(" ")}"\n${USAGE}`,
    );
  // The name becomes a part of names of Docker objects.
  if (named && (more.length > 0 || !/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,49}$/.test(name)))
    throw new Error(
      `"${name}": invalid stack name; use 1 to 50 letters, digits, . _ or -, with a letter or digit first`,
    );
  return { action: action as Action, name, options: values as Request["options"] };
}

function parse(args: string[], options: (typeof OPTIONS)[Action]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`);
  }
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
