import { createHash } from "node:crypto";
import { parsePostgresqlConf, renderPostgresqlConf } from "../../tuning/postgresql-conf";
import type { Host } from "../host";
import type { Kind } from "../kind";
import { alignValues, type Parameters } from "./parameters";

export interface ConfigurationInputs {
  /** The volume that the server reads its configuration from. */
  volume: string;
  /** Any image: the files travel through a container made of it that never starts. */
  image: string;
  /** postgresql.conf, by parameter. */
  parameters: Parameters;
  /** Why a parameter has its value: comments in the file. */
  reasons: Record<string, string>;
  /** pg_hba.conf, a rule a line. */
  hba: string[];
  /** pg_ident.conf, a map a line. */
  ident: string[];
}

export type ConfigurationState = ConfigurationInputs;

/** A parameter of ours in the file, by which the server shows which version of the file it has loaded. */
export const CONFIGURATION_ID = "pgwright.configuration";

/** Names one set of parameters and rules; equal for equal content. */
export function configurationId(parameters: Parameters, hba: string[]): string {
  const content = JSON.stringify([Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)), hba]);
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

const WRITTEN = "# Written by pgwright from the stack file; changes made here are put back.";
const linesOf = (text = "") => text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));

function files({ parameters, reasons, hba, ident }: ConfigurationInputs): Record<string, string> {
  const settings = Object.entries(parameters).map(([name, value]) => ({ name, value, reason: reasons[name] ?? "" }));
  const id = {
    name: CONFIGURATION_ID,
    value: configurationId(parameters, hba),
    reason: "which version of this file is loaded",
  };
  return {
    "postgresql.conf": renderPostgresqlConf([...settings, id]),
    "pg_hba.conf": `${WRITTEN}\n${hba.join("\n")}\n`,
    "pg_ident.conf": `${WRITTEN}\n${ident.join("\n")}\n`,
  };
}

async function readBack(host: Host, state: ConfigurationState): Promise<ConfigurationState | undefined> {
  if (!(await host.volumeExists(state.volume))) return undefined;
  const found = await host.readVolume(state.volume, state.image);
  const conf = parsePostgresqlConf(found["postgresql.conf"] ?? "");
  conf.delete(CONFIGURATION_ID);
  return {
    ...state,
    parameters: alignValues(Object.fromEntries(conf), state.parameters),
    hba: linesOf(found["pg_hba.conf"]),
    ident: linesOf(found["pg_ident.conf"]),
  };
}

/** The configuration files on their volume. What they say takes effect through the resource Server. */
export const configuration: Kind<ConfigurationInputs, ConfigurationState> = {
  replaceOn: ["volume"],
  notCompared: ["image", "reasons"],
  async create(inputs, { host, preview }) {
    if (!preview) await host.writeVolume(inputs.volume, inputs.image, files(inputs));
    return { id: inputs.volume, state: inputs };
  },
  read: (_id, state, inputs, { host }) => readBack(host, { ...state, ...inputs }),
  async update(_id, _old, inputs, { host, preview }) {
    if (!preview) await host.writeVolume(inputs.volume, inputs.image, files(inputs));
    return inputs;
  },
  // The files go with their volume.
  delete: async () => undefined,
};
