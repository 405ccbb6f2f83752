import { timesOf } from "../config/schedule";

/** A schedule as arguments of snooze: a list of values for each field. */
export function snoozeArguments(schedule: string): string[] {
  const { minutes, hours, days, months, weekdays } = timesOf(schedule);
  const all = (values: number[], size: number) => (values.length === size ? "*" : values.join(","));
  return [
    `-M${all(minutes, 60)}`,
    `-H${all(hours, 24)}`,
    `-d${all(days, 31)}`,
    `-m${all(months, 12)}`,
    `-w${all(weekdays, 7)}`,
  ];
}
