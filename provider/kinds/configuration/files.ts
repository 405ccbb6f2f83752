import { createHash } from "node:crypto";
import type { Client } from "pg";
import { z } from "zod";
import type { Setting } from "../../../tuning/defaults";
import { renderPostgresqlConf, parsePostgresqlConf } from "../../../tuning/postgresql-conf";
import { rowsOf } from "../../catalog-query";
import { withGateways, gatewaysOf, mustHaveGateway, withoutGateways } from "../../gateway";
import type { Host } from "../../host";
import { ask } from "../../session";
import { alignValues } from "./compare";
import { parametersOf } from "./parameters";
import type { ConfigurationInputs, ConfigurationState } from "./inputs";

/** A custom parameter in the file: its value in the server is the version of the file that the server has loaded. */
export const CONFIGURATION_ID = "pgwright.configuration";

/** Hash of the values and rules. */
export function configurationId(settings: readonly Setting[], hba: string[]): string {
  const content = JSON.stringify([Object.entries(parametersOf(settings)).sort(([a], [b]) => (a < b ? -1 : 1)), hba]);
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

const WRITTEN = "# Written by pgwright from the stack file; the next update reverts changes made here.";

const linesOf = (text = "") => text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));

export function files({ settings, hba, ident }: ConfigurationInputs, version: string): Record<string, string> {
  const id = {
    name: CONFIGURATION_ID,
    value: version,
    reason: "which version of this file is loaded",
  };
  return {
    "postgresql.conf": renderPostgresqlConf([...settings, id]),
    "pg_hba.conf": `${WRITTEN}\n${hba.join("\n")}\n`,
    "pg_ident.conf": `${WRITTEN}\n${ident.join("\n")}\n`,
  };
}

const FILES = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"];

/** Name of the copy of a loaded file, kept in case the server rejects the new one. */
const former = (file: string) => `${file}.former`;

export function rendered(inputs: ConfigurationInputs, gateways: string[]): Record<string, string> {
  return files({ ...inputs, hba: withGateways(inputs.hba, gateways) }, configurationId(inputs.settings, inputs.hba));
}

export async function write(inputs: ConfigurationInputs, host: Host): Promise<void> {
  const gateways = await gatewaysOf(host, inputs.network);
  mustHaveGateway(inputs.hba, gateways, inputs.network);
  const kept = await loadedFiles(inputs, host);
  await host.writeVolume(inputs.volume, inputs.image, { ...kept, ...rendered(inputs, gateways) });
}

/** The current files under their `former` names, if the server has loaded them. */
async function loadedFiles({ volume, image }: ConfigurationInputs, host: Host): Promise<Record<string, string>> {
  if (!(await host.inspect())?.running) return {};
  const loaded = await ask(host, "postgres", readLoaded, "");
  const found = (await host.readVolume(volume, image)) ?? {};
  const id = parsePostgresqlConf(found["postgresql.conf"] ?? "").get(CONFIGURATION_ID);
  if (loaded === "" || id !== loaded) return {};
  return Object.fromEntries(FILES.map((file) => [former(file), found[file] ?? ""]));
}

async function readLoaded(client: Client): Promise<string> {
  const sql = "SELECT pg_catalog.current_setting($1, true) AS id";
  const [loaded] = await rowsOf(client, { id: z.string().nullable() }, sql, [CONFIGURATION_ID]);
  return loaded?.id ?? "";
}

/** Restores the files that the server had loaded before the last change. False if there are none, or they are in place already. */
export async function restoreFormerFiles(host: Host, volume: string, image: string): Promise<boolean> {
  const found = (await host.readVolume(volume, image)) ?? {};
  const before = Object.fromEntries(FILES.map((file) => [file, found[former(file)] ?? ""]));
  if (before["postgresql.conf"] === "" || FILES.every((file) => found[file] === before[file])) return false;
  await host.writeVolume(volume, image, before);
  return true;
}

export async function readBack(host: Host, state: ConfigurationState): Promise<ConfigurationState | undefined> {
  const [found, gateways] = await Promise.all([
    host.readVolume(state.volume, state.image),
    gatewaysOf(host, state.network),
  ]);
  if (!found) return undefined;
  const conf = parsePostgresqlConf(found["postgresql.conf"] ?? "");
  conf.delete(CONFIGURATION_ID);
  return {
    ...state,
    parameters: alignValues(Object.fromEntries(conf), state.parameters),
    hba: withoutGateways(linesOf(found["pg_hba.conf"]), state.hba, gateways),
    ident: linesOf(found["pg_ident.conf"]),
  };
}
