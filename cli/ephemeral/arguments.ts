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
  /** Of the stack; only `up` and `destroy` have one. */
  name: string;
  options: Partial<Record<"from" | "for" | "role" | "database" | "env" | "engine", string>> &
    Partial<Record<"json" | "not-durable", boolean>>;
}

/** What the arguments ask for. */
export function parseRequest([action = "", ...args]: string[]): Request {
  if (!(action in OPTIONS))
    throw new Error(`ephemeral "${action}": write one of ${Object.keys(OPTIONS).join(", ")}\n${USAGE}`);
  const options = OPTIONS[action as Action];
  const { values, positionals } = parse(args, options);
  const [name = "", ...more] = positionals;
  const named = action === "up" || action === "destroy";
  if (positionals.length !== (named ? 1 : 0))
    throw new Error(
      `ephemeral ${action} takes ${named ? "one name" : "no name"}, not "${positionals.join(" ")}"\n${USAGE}`,
    );
  // Docker has to like it too, as a part of names.
  if (named && (more.length > 0 || !/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,49}$/.test(name)))
    throw new Error(
      `"${name}": a stack is named by 1 to 50 letters, digits, . _ and -, and begins with a letter or digit`,
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

/** How long, in milliseconds, from text such as 8h. */
export function parseDuration(given: string): number {
  const [, count = "", unit = ""] = /^([1-9]\d{0,5})([mhd])$/.exec(given) ?? [];
  const duration = Number(count) * (MS[unit as keyof typeof MS] ?? 0);
  if (duration > 0 && duration <= LONGEST_DAYS * MS.d) return duration;
  throw new Error(
    `--for "${given}": write a whole number and m, h or d, such as 30m, 8h or 2d; ${LONGEST_DAYS}d at most`,
  );
}

/** A time as labels and stack file have it. */
export const timeText = (time: number): string => new Date(time).toISOString().replace(/\.\d+/, "");

/** A time for people, beside now. */
export function formatDuration(time: number, now: number): string {
  if (time === Infinity) return "never: something of it has no time";
  const minutes = Math.round((time - now) / MS.m);
  const left =
    minutes < 120
      ? `${minutes} min`
      : minutes < 72 * 60
        ? `${Math.round(minutes / 60)} h`
        : `${Math.round(minutes / 1440)} d`;
  return `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC, ${time <= now ? "EXPIRED" : `in ${left}`}`;
}
