import type { Properties } from "../../kind";

// Earlier versions had other names in the state, and have them in pgwright.partition_sets until the update of the library.

const withoutUndefined = (values: Properties) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** A set with the names of this version. */
export function currentNames({ step, start_at, startAt = start_at, members, sub, ...set }: Properties): Properties {
  const { partitions, ...parts } = (sub ?? {}) as Properties;
  return {
    ...withoutUndefined({
      interval: step,
      start: startAt,
      sub: sub && withoutUndefined({ values: partitions, ...parts }),
    }),
    ...(set.kind === "hash" ? (members as Properties) : withoutUndefined({ values: members })),
    ...set,
  };
}

/** A set with the names of all versions. */
export function allNames(set: object): Properties {
  const { interval, start, values, modulus, sub } = set as Properties;
  return {
    ...set,
    step: interval,
    start_at: start,
    members: values ?? (modulus === undefined ? undefined : { modulus }),
    sub: sub && { ...sub, partitions: (sub as Properties).values },
  };
}
