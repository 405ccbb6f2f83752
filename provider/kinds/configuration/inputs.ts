import { declare } from "../../declaration";
import type { Setting } from "../../../tuning/defaults";
import type { Limits } from "../../trial";
import { parametersOf, type Parameters } from "./parameters";

export interface ConfigurationInputs {
  /** The volume that the server reads its configuration from. */
  volume: string;
  /** Image of the server; the files are copied through a container of it that is never started. */
  image: string;
  /** postgresql.conf: its parameters, with their reasons as comments. States of earlier versions have none. */
  settings: Setting[];
  /** The values of the settings, by parameter; the property that is compared with the state. */
  parameters: Parameters;
  /** Rules of pg_hba.conf, one a line; GATEWAY stands for the address of the Docker host. */
  hba: string[];
  /** The server's network, for its gateway. States of earlier versions have none. */
  network?: string;
  /** Limits of the server's container, for the throwaway server that tries the configuration. */
  limits?: Limits;
  /** Lines of pg_ident.conf. */
  ident: string[];
}

export type ConfigurationState = ConfigurationInputs;

export const declaration = declare<ConfigurationInputs>()({
  type: "Configuration",
  wanted: { parameters: ({ settings }) => parametersOf(settings) },
});
