// The schedules of pg_cron 1.6: Vixie cron's five fields with `$` for the last day of a month, its nicknames such as @hourly, and
// "N seconds" for 1 to 59.

interface Field {
  name: string;
  min: number;
  max: number;
  names?: string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: Field[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of week", min: 0, max: 7, names: DAYS },
];
const NICKNAMES = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@reboot"];

function number(text: string, field: Field): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const index = field.names?.indexOf(text.toLowerCase()) ?? -1;
  return index < 0 ? undefined : index + (field.name === "month" ? 1 : 0);
}

function fieldProblem(text: string, field: Field): string | undefined {
  const allowed = `${field.name} is ${field.min} to ${field.max}${field.names ? ` or ${field.names[0]}..${field.names.at(-1)}` : ""}`;
  if (field.name === "day of month" && text === "$") return undefined;
  for (const part of text.split(",")) {
    const [range = "", stride, ...rest] = part.split("/");
    if (rest.length > 0 || (stride !== undefined && !/^[1-9]\d*$/.test(stride)))
      return `"${part}" is not a step; ${allowed}`;
    if (range === "*") continue;
    const [from, to, ...more] = range.split("-").map((end) => number(end, field));
    if (from === undefined || more.length > 0 || (range.includes("-") && to === undefined))
      return `"${part}" is not a ${field.name}; ${allowed}`;
    if (from < field.min || from > field.max || (to ?? from) > field.max)
      return `"${part}" is out of range; ${allowed}`;
    if (to !== undefined && to < from) return `"${part}" ends before it begins; ${allowed}`;
    if (stride !== undefined && to === undefined) return `"${part}" has a step without a range; ${allowed}`;
  }
  return undefined;
}

/** Describes what is wrong with a schedule; undefined if pg_cron accepts it. */
export function scheduleProblem(schedule: string): string | undefined {
  const text = schedule.trim();
  if (text.startsWith("@")) return NICKNAMES.includes(text) ? undefined : `not one of ${NICKNAMES.join(", ")}`;
  const seconds = /^(\d+) seconds?$/.exec(text);
  if (seconds) return Number(seconds[1]) >= 1 && Number(seconds[1]) <= 59 ? undefined : "seconds are 1 to 59";
  const fields = text.split(/\s+/);
  if (fields.length !== 5)
    return `a schedule has five fields (${FIELDS.map(({ name }) => name).join(", ")}) or is "30 seconds"; this one has ${fields.length}`;
  for (const [i, field] of FIELDS.entries()) {
    const problem = fieldProblem(fields[i] ?? "", field);
    if (problem) return problem;
  }
  return undefined;
}

/** The times at which a schedule runs: all matching values of each field. */
export interface Times {
  minutes: number[];
  hours: number[];
  days: number[];
  months: number[];
  /** 0 is Sunday. */
  weekdays: number[];
}

const NICKNAME_FIELDS: Record<string, string> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

function valuesOf(text: string, field: Field): number[] {
  const values = text.split(",").flatMap((part) => {
    const [range = "", stride = "1"] = part.split("/");
    const [from, to] = range === "*" ? [field.min, field.max] : range.split("-").map((end) => number(end, field));
    const first = from as number;
    const last = to ?? first;
    return Array.from(
      { length: Math.floor((last - first) / Number(stride)) + 1 },
      (_, i) => first + i * Number(stride),
    );
  });
  // Sunday is 0 and 7.
  const plain = field.name === "day of week" ? values.map((value) => value % 7) : values;
  return [...new Set(plain)].sort((a, b) => a - b);
}

/** The times of a schedule of five fields. Throws for schedules that only pg_cron accepts, such as "30 seconds". */
export function timesOf(schedule: string): Times {
  const text = NICKNAME_FIELDS[schedule.trim()] ?? schedule.trim();
  const problem = scheduleProblem(text);
  if (problem) throw new Error(problem);
  const fields = text.split(/\s+/);
  if (fields.length !== 5 || text.includes("$"))
    throw new Error("a schedule of the backup agent has five fields and no $");
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, i) => valuesOf(fields[i] as string, field)) as [
    number[],
    number[],
    number[],
    number[],
    number[],
  ];
  if (!fields[2]?.startsWith("*") && !fields[4]?.startsWith("*"))
    throw new Error(
      "day of month and day of week are both restricted, and cron runs if either matches; write one of them as *",
    );
  return { minutes, hours, days, months, weekdays };
}

const DAY_MS = 86_400_000;
/** Start of a period that contains months of each length and a leap year. */
const FIRST_DAY = Date.UTC(2024, 0, 1);
const PERIOD_DAYS = 5 * 366;

/** The maximum number of days between two runs of a schedule, or 31 if the schedule has another form. */
export function longestPause(schedule: string): number {
  let times: Times;
  try {
    times = timesOf(schedule.replace("$", "28"));
  } catch {
    return /second/.test(schedule) ? 1 : 31;
  }
  const runs = Array.from({ length: PERIOD_DAYS }, (_, day) => day).filter((day) => {
    const date = new Date(FIRST_DAY + day * DAY_MS);
    return (
      times.months.includes(date.getUTCMonth() + 1) &&
      times.days.includes(date.getUTCDate()) &&
      times.weekdays.includes(date.getUTCDay())
    );
  });
  return Math.max(...runs.slice(1).map((day, i) => day - (runs[i] as number)), 1);
}
