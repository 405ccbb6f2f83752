import type { Setting } from "../../../tuning/defaults";

/** Values of parameters, by name. */
export type Parameters = Record<string, string>;

/** The values of settings, without their reasons: the part that a server has. */
export const parametersOf = (settings: readonly Setting[]): Parameters =>
  Object.fromEntries(settings.map(({ name, value }) => [name, value]));
