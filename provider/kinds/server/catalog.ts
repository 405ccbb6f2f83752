import type { Client } from "pg";
import { z } from "zod";
import { catalogQuery, readRows, type RowOf } from "../../catalog-query";
import { readSuperuserSettings } from "../../superuser-settings";
import { CONFIGURATION_ID } from "../configuration/files";
import { alignShown } from "../configuration/compare";
import type { Parameters } from "../configuration/parameters";
import type { ServerInputs } from "./inputs";

export const SETTINGS_IN_EFFECT = catalogQuery("settings-in-effect", { name: z.string(), setting: z.string() });

/**
 * Values in effect, in base units, by the given names (PostgreSQL's spelling may differ: TimeZone). For parameters that this session
 * sets itself, the values of the files.
 */
export async function inEffect(client: Client, names: string[]): Promise<Parameters> {
  const rows = await readRows(client, SETTINGS_IN_EFFECT, names);
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}

export const SERVER_STATE = catalogQuery("server-state", {
  configuration: z.string(),
  verifier: z.string(),
  version: z.string(),
  alterSystem: z.record(z.string(), z.string()),
});

/** Reads the values in effect. One that equals its wanted value is given in the wanted spelling. */
export async function observe(client: Client, inputs: ServerInputs) {
  const [state] = await readRows(client, SERVER_STATE, CONFIGURATION_ID);
  const parameters = alignShown(await inEffect(client, Object.keys(inputs.parameters)), inputs.parameters);
  return {
    ...(state as RowOf<typeof SERVER_STATE>),
    parameters,
    superuserSettings: await readSuperuserSettings(client),
  };
}

export const SETTINGS_REJECTED = catalogQuery("settings-rejected", {
  sourcefile: z.string().nullable(),
  sourceline: z.number().nullable(),
  name: z.string().nullable(),
  error: z.string(),
});

export const RULES_REJECTED = catalogQuery("rules-rejected", { file: z.string(), line: z.number(), error: z.string() });
